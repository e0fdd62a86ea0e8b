//! Why new rows of a table cannot be noted, for the person who can correct it.

use std::time::Duration;

use crate::error::QueryError;
use crate::source::SourceError;
use crate::source::names::quoted;

/// Why arrivals of a table cannot be made, removed or looked at. Each says what to do. Names in it are written as SQL writes them.
#[derive(Debug, thiserror::Error)]
pub enum ArrivalsError {
    /// The server repeats what another one does.
    #[error(
        "--database-url: this server is a standby, where no trigger can be made: name the primary, where rows are inserted"
    )]
    Standby,
    /// Planning refuses the table, or its key, as well.
    #[error("{0}")]
    Unfit(String),
    /// What no trigger sees all new rows of.
    #[error(
        "--table: {table} is {kind}, where no trigger sees every new row: name the table that the rows are inserted into, or sign {table} as it is, without spec.follow"
    )]
    NoTriggers {
        /// Qualified name.
        table: String,
        /// What it is, with its article.
        kind: &'static str,
    },
    /// It is a part of another one.
    #[error("--table: {table} is a partition of {root}, whose rows are followed together: name {root}")]
    Partition {
        /// Qualified name.
        table: String,
        /// The one that is partitioned.
        root: String,
    },
    /// It inherits.
    #[error(
        "--table: {table} inherits from {parent}, and its rows are rows of that as well: ALTER TABLE {table} NO INHERIT {parent}, and follow it by itself, or name {parent} if only rows of its own are meant"
    )]
    Inherits {
        /// Qualified name.
        table: String,
        /// What it inherits from.
        parent: String,
    },
    /// A crash empties it.
    #[error("--table: {table} is unlogged, and a crash empties it: ALTER TABLE {table} SET LOGGED")]
    Unlogged {
        /// The table, or one of its partitions.
        table: String,
    },
    /// It ends with a session.
    #[error("--table: {table} is a temporary table, which nobody else can read: name another")]
    Temporary {
        /// Qualified name.
        table: String,
    },
    /// Of another owner.
    #[error("--database-url: {login} may not make or remove triggers of {table}: log in as its owner {owner}")]
    NotOwner {
        /// Who tried.
        login: String,
        /// Qualified name.
        table: String,
        /// Whose it is.
        owner: String,
    },
    /// The owner of the table does not own its schema.
    #[error(
        "--table: {owner}, who owns {table}, may make nothing in its schema: GRANT USAGE, CREATE ON SCHEMA {schema} TO {owner}"
    )]
    NoSchemaRights {
        /// Whose it is.
        owner: String,
        /// Qualified name.
        table: String,
        /// Its schema.
        schema: String,
    },
    /// Another key was chosen before.
    #[error(
        "--key: {table} is followed by the key ({is}), not by ({wished}): leave out --key, or first `vaultstream source disable --table {table}`"
    )]
    OtherKey {
        /// Qualified name.
        table: String,
        /// The key.
        is: String,
        /// The one that was named.
        wished: String,
    },
    /// The names are taken.
    #[error("--table: there is a {name} already, which was not made for {table}: rename or drop it")]
    Taken {
        /// What is there, with its schema.
        name: String,
        /// Qualified name of the table.
        table: String,
    },
    /// No such role.
    #[error(
        "--reader: there is no role {0} on this server: name the login that reads the table, or make it by CREATE ROLE"
    )]
    NoReader(String),
    /// The reader cannot reach the schema.
    #[error(
        "--reader: {reader} may not use schema {schema}: have its owner GRANT USAGE ON SCHEMA {schema} TO {reader}"
    )]
    ReaderOutside {
        /// Who reads.
        reader: String,
        /// The schema.
        schema: String,
    },
    /// Others work on it.
    #[error("--table: {table} was in use by other transactions for {}: {holders}", humantime(*waited))]
    Busy {
        /// Qualified name.
        table: String,
        /// How long this was waited for.
        waited: Duration,
        /// Who uses it, and what to do.
        holders: String,
    },
    /// There is nothing to remove or to look at.
    #[error("--table: new rows of {table} are not noted: `vaultstream source enable --table {table}` begins with that")]
    NotEnabled {
        /// Qualified name.
        table: String,
    },
    /// A job would stop.
    #[error(
        "--table: the job {job} follows {table}, and would plan no new rows: remove spec.follow from it first, or say --force"
    )]
    Followed {
        /// Qualified name.
        table: String,
        /// The job's uid.
        job: uuid::Uuid,
    },
    /// Postgres failed.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl From<SourceError> for ArrivalsError {
    fn from(error: SourceError) -> Self {
        Self::Unfit(with_options(&error.to_string()))
    }
}

/// A sentence about a manifest, with the options of the command line in place of its members.
fn with_options(sentence: &str) -> String {
    let (member, said) = sentence.split_once(": ").unwrap_or(("", sentence));
    let is_key = [".key", ".keyColumns", ".columns"].iter().any(|end| member.ends_with(end));
    let option = if is_key { "--key" } else { "--table" };
    let said = match said.split_once("keyColumns: [") {
        Some((before, list)) => {
            let (columns, after) = list.split_once(']').unwrap_or((list, ""));
            format!("{before}--key {}{after}", columns.replace(", ", ","))
        }
        None => said.replace(" to keyColumns", " to --key"),
    };
    let said = match said.split_once("did you mean ").and_then(|(before, meant)| Some((before, meant.split_once('?')?)))
    {
        Some((before, (meant, after))) => format!("{before}did you mean {}?{after}", as_sql(meant)),
        None => said,
    };
    format!("{option}: {said}")
}

/// A name that a manifest would have, as SQL writes it: `schema: app, name: Orders` is `app."Orders"`.
fn as_sql(meant: &str) -> String {
    let meant = meant.strip_prefix("schema: ").or_else(|| meant.strip_prefix("name: ")).unwrap_or(meant);
    let name = |name: &str| {
        let name = name.strip_prefix('\'').and_then(|name| name.strip_suffix('\'')).unwrap_or(name).replace("''", "'");
        let is_plain =
            name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
        if is_plain { name } else { quoted(&name) }
    };
    meant.split(", name: ").map(name).collect::<Vec<_>>().join(".")
}

/// As it is given on the command line.
fn humantime(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_planning_says_is_said_of_the_options() {
        for (sentence, said) in [
            (
                "spec.source.table.keyColumns: public.t has no primary key: keyColumns: [a, \"B\"] can be the key",
                "--key: public.t has no primary key: --key a,\"B\" can be the key",
            ),
            (
                "spec.source.table: table public.t does not exist: create it",
                "--table: table public.t does not exist: create it",
            ),
            ("spec.source.table: did you mean name: good?", "--table: did you mean good?"),
            (
                "spec.source.table: did you mean schema: app, name: Or'ders? Else",
                "--table: did you mean app.\"Or'ders\"? Else",
            ),
            ("spec.source.table.key: did you mean 'a b'?", "--key: did you mean \"a b\"?"),
            ("spec.source.table.name: public.t is a sequence", "--table: public.t is a sequence"),
            (
                "spec.source.table.key: add the columns that it is partitioned by to keyColumns, or so",
                "--key: add the columns that it is partitioned by to --key, or so",
            ),
        ] {
            assert_eq!(with_options(sentence), said);
        }
    }
}
