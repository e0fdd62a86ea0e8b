//! `vaultstream source`.

use std::str::FromStr;

use clap::{Args, Subcommand};

/// `vaultstream source`. It is run by the owner of a table, in the database of the table.
#[derive(Clone, Debug, Subcommand)]
pub enum SourceCommand {
    /// Have new rows of a table noted, so that a job can follow it: a trigger writes their keys to a table beside it, in the transaction that inserts
    /// them. Waits for the transactions that have written to the table. Run again, it adds readers, and mends what is missing or disabled.
    Enable(SourceEnableArgs),
    /// Remove all that `source enable` made for a table.
    Disable(SourceDisableArgs),
    /// Show the tables whose new rows are noted: how many wait to be planned, since when, and for which job.
    Status(SourceStatusArgs),
}

/// The database of the tables.
#[derive(Args, Clone, Debug)]
pub struct SourceDatabaseArgs {
    /// The database of the table, with the login of the table's owner, as postgres://user:password@host/database.
    #[arg(long, env = "VAULTSTREAM_SOURCE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: String,
    /// How long to wait for a server that does not respond.
    #[arg(long, env = "VAULTSTREAM_CONNECT_TIMEOUT", default_value = "15s")]
    pub connect_timeout: humantime::Duration,
}

/// `vaultstream source enable`.
#[derive(Args, Clone, Debug)]
pub struct SourceEnableArgs {
    /// Where the table is.
    #[command(flatten)]
    pub database: SourceDatabaseArgs,
    /// The table, as SQL writes it: public.orders, or "Sales"."Orders". Without a schema: public.
    #[arg(long, value_name = "SCHEMA.TABLE")]
    pub table: QualifiedName,
    /// The columns that name a row, as SQL writes them: tenant,no. Default: those that are noted already, else the primary key.
    #[arg(long, value_name = "COLUMNS")]
    pub key: Option<ColumnNames>,
    /// A role that may read the keys of new rows and remove them when they are planned: the login of the workers' SOURCE_DATABASE_URL. Can be given
    /// several times. Without it only the owner may, unless others were let in before.
    #[arg(long, value_name = "ROLE")]
    pub reader: Vec<String>,
    /// How long to wait for transactions that use the table. Others that write to it wait behind this command meanwhile.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub lock_timeout: humantime::Duration,
}

/// `vaultstream source disable`.
#[derive(Args, Clone, Debug)]
pub struct SourceDisableArgs {
    /// Where the table is.
    #[command(flatten)]
    pub database: SourceDatabaseArgs,
    /// The table, as SQL writes it, by its present name.
    #[arg(long, value_name = "SCHEMA.TABLE")]
    pub table: QualifiedName,
    /// Also when a job follows the table, which then plans no new rows.
    #[arg(long)]
    pub force: bool,
    /// How long to wait for transactions that use the table. All others wait behind this command meanwhile.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub lock_timeout: humantime::Duration,
}

/// `vaultstream source status`.
#[derive(Args, Clone, Debug)]
pub struct SourceStatusArgs {
    /// Where the tables are.
    #[command(flatten)]
    pub database: SourceDatabaseArgs,
    /// Only this table, as SQL writes it.
    #[arg(long, value_name = "SCHEMA.TABLE")]
    pub table: Option<QualifiedName>,
    /// A table, or a line of JSON each.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: super::OutputFormat,
}

/// A table's name, which was written as SQL writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QualifiedName {
    /// The schema.
    pub schema: String,
    /// The name.
    pub name: String,
}

impl FromStr for QualifiedName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match names(text, '.')?.as_slice() {
            [name] => Ok(Self { schema: "public".to_owned(), name: name.clone() }),
            [schema, name] => Ok(Self { schema: schema.clone(), name: name.clone() }),
            _ => Err("a table has a name and at most a schema, as in public.orders".to_owned()),
        }
    }
}

/// Names of columns, which were written as SQL writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnNames(pub Vec<String>);

impl FromStr for ColumnNames {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = names(text, ',')?;
        match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            Some((_, twice)) => Err(format!("column {twice} is there twice")),
            None => Ok(Self(names)),
        }
    }
}

/// Names with a separator between them, as Postgres reads them: those without quotes in small letters.
fn names(text: &str, separator: char) -> Result<Vec<String>, String> {
    let (mut names, mut rest) = (Vec::new(), text.trim());
    loop {
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => in_quotes(quoted)?,
            None => {
                let (name, after) = rest.split_at(rest.find(separator).unwrap_or(rest.len()));
                (plain(name.trim_end())?, after)
            }
        };
        if name.is_empty() || name.contains('\0') {
            return Err(format!("a name is missing in {text}"));
        }
        names.push(name);
        match after.trim_start().strip_prefix(separator) {
            Some(more) => rest = more.trim_start(),
            None if after.trim().is_empty() => return Ok(names),
            None => return Err(format!("a {separator:?} has to follow the closing quote")),
        }
    }
}

/// The name up to the closing quote, and what follows that. Two quotes are one.
fn in_quotes(text: &str) -> Result<(String, &str), String> {
    let (mut name, mut rest) = (String::new(), text);
    loop {
        let Some((part, after)) = rest.split_once('"') else { return Err("a closing quote is missing".to_owned()) };
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Ok((name, after)),
        }
    }
}

fn plain(name: &str) -> Result<String, String> {
    let fits = |character: char| character.is_ascii_alphanumeric() || !character.is_ascii() || "_$".contains(character);
    match name.chars().find(|character| !fits(*character)) {
        Some(character) => Err(format!("{character:?} is in no name without quotes: write \"{name}\" with its quotes")),
        None if name.starts_with(|first: char| first.is_ascii_digit() || first == '$') => {
            Err(format!("no name without quotes begins with a digit: write \"{name}\" with its quotes"))
        }
        None => Ok(name.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<(String, String), String> {
        text.parse().map(|QualifiedName { schema, name }| (schema, name))
    }

    #[test]
    fn names_are_read_as_postgres_reads_them() {
        for (text, schema, name) in [
            ("orders", "public", "orders"),
            ("Sales.Orders", "sales", "orders"),
            ("\"Sales\".\"Or\"\"d.ers\"", "Sales", "Or\"d.ers"),
            (" app . \"ORDERS\" ", "app", "ORDERS"),
            ("Größe", "public", "größe"),
        ] {
            assert_eq!(table(text), Ok((schema.to_owned(), name.to_owned())), "{text}");
        }
        assert_eq!("tenant, \"No\"".parse(), Ok(ColumnNames(vec!["tenant".to_owned(), "No".to_owned()])));
    }

    #[test]
    fn what_is_no_name_is_refused_in_one_sentence() {
        for (text, words) in [
            ("", "a name is missing"),
            ("public.", "a name is missing"),
            ("a.b.c", "a name and at most a schema"),
            ("\"open", "a closing quote is missing"),
            ("\"a\"b", "has to follow the closing quote"),
            ("or-ders", "'-' is in no name without quotes: write \"or-ders\" with its quotes"),
            ("2orders", "begins with a digit"),
        ] {
            let told = table(text).unwrap_err();
            assert!(told.contains(words), "{text}: {told}");
        }
        assert_eq!("no,NO".parse::<ColumnNames>(), Err("column no is there twice".to_owned()));
    }
}
