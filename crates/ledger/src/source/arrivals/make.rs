//! The statements that make arrivals of a table, and those that remove them.

use super::find::Found;
use crate::source::facts::text_literal;
use crate::source::names::quoted;

/// A column of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyColumn {
    pub(super) name: String,
    /// `typname`, of a built-in type.
    pub(super) type_name: &'static str,
}

/// What is made.
pub(super) struct Made<'a> {
    /// The table, with its schema, as SQL writes it.
    pub(super) table: &'a str,
    pub(super) partitioned: bool,
    pub(super) key: &'a [KeyColumn],
    /// Names of what is made.
    pub(super) names: &'a Found,
}

impl Made<'_> {
    /// Makes all of it. Expects that nothing of it is there but perhaps the follower's table.
    pub(super) fn statements(&self) -> String {
        [self.tables(), self.function(), self.triggers()].concat()
    }

    /// No index and no sequence: they would cost writers a third and a fifth of all this, and readers take whatever rows come first, and delete them
    /// by their place. Vacuum comes often, so that there is little to pass over.
    ///
    /// Columns take whatever the key's columns may ever have, without limits of length or precision and with NULL: what cannot be noted cannot
    /// be inserted either.
    fn tables(&self) -> String {
        let (arrivals, follower) = (self.names.arrivals_table(), self.names.follower_table());
        let columns = self.key.iter().enumerate().map(|(at, column)| {
            let is_text = matches!(column.type_name, "text" | "varchar" | "bpchar");
            let collation = if is_text { " COLLATE pg_catalog.\"C\"" } else { "" };
            format!(", k{} pg_catalog.{}{collation}", at + 1, column.type_name)
        });
        let columns: String = columns.collect();
        let comment = format!(
            "New rows of {} that VaultStream has not planned yet. `vaultstream source disable` removes this table.",
            self.table
        );
        format!(
            "CREATE TABLE {arrivals} (arrived_at timestamptz NOT NULL DEFAULT clock_timestamp(){columns}) \
               WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000); \
             COMMENT ON TABLE {arrivals} IS {}; \
             CREATE TABLE IF NOT EXISTS {follower} (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), \
               job uuid NOT NULL, since timestamptz NOT NULL DEFAULT now()); ",
            text_literal(&comment)
        )
    }

    /// It runs with the rights of the table's owner in sessions of others. So nothing in it is looked up by their search_path: every name has its
    /// schema, the operator too, and the transition table's comes before all tables. Its columns are named without it, because `n.name` would call a
    /// function of that name, of anybody's, once the column is renamed. A setting of the function would do as well, and costs a tenth of an
    /// insert.
    fn function(&self) -> String {
        let arrivals = self.names.arrivals_table();
        let numbers: Vec<String> = (1..=self.key.len()).map(|at| format!("k{at}")).collect();
        let of = |row: &str| {
            let values = self.key.iter().map(|column| format!("{row}{}", quoted(&column.name)));
            values.collect::<Vec<_>>().join(", ")
        };
        let numbers = numbers.join(", ");
        let body = format!(
            "#variable_conflict use_column\n\
             BEGIN \
               IF TG_LEVEL OPERATOR(pg_catalog.=) 'STATEMENT' THEN \
                 INSERT INTO {arrivals} ({numbers}) SELECT {} FROM vaultstream_new; \
               ELSE \
                 INSERT INTO {arrivals} ({numbers}) VALUES ({}); \
               END IF; \
               RETURN NULL; \
             END",
            of(""),
            of("NEW.")
        );
        format!(
            "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS {}; ",
            self.names.function(),
            text_literal(&body)
        )
    }

    /// One call for all rows of a statement. On a partitioned table one for each row, because rows that are inserted into a partition itself, or move
    /// to it, are seen only there. A trigger with a transition table has no list of columns and one event, so that updates have
    /// their own, which is called only where a key is changed. Texts that a collation finds equal are other keys.
    fn triggers(&self) -> String {
        let Self { table, .. } = self;
        let function = self.names.function();
        let for_each = if self.partitioned {
            "FOR EACH ROW"
        } else {
            "REFERENCING NEW TABLE AS vaultstream_new FOR EACH STATEMENT"
        };
        let names: Vec<String> = self.key.iter().map(|column| quoted(&column.name)).collect();
        let changed = self.key.iter().zip(&names).map(|(column, name)| match column.type_name {
            "text" | "varchar" | "bpchar" => {
                format!("OLD.{name} COLLATE \"C\" IS DISTINCT FROM NEW.{name} COLLATE \"C\"")
            }
            _ => format!("OLD.{name} IS DISTINCT FROM NEW.{name}"),
        });
        let changed = changed.collect::<Vec<_>>().join(" OR ");
        let arguments: Vec<String> = self.key.iter().map(|column| text_literal(&column.name)).collect();
        let (names, call) = (names.join(", "), format!("EXECUTE FUNCTION {function}({})", arguments.join(", ")));
        format!(
            "CREATE TRIGGER vaultstream_arrivals AFTER INSERT ON {table} {for_each} {call}; \
             CREATE TRIGGER vaultstream_changed_keys AFTER UPDATE OF {names} ON {table} FOR EACH ROW WHEN ({changed}) {call}; "
        )
    }
}

/// Removes all of it but the table of the job that follows.
pub(super) fn unmade(names: &Found) -> String {
    let mut sql = String::new();
    if names.has_function {
        // With the triggers that call it, whatever they are called now, on all partitions.
        sql.push_str(&format!("DROP FUNCTION {}() CASCADE; ", names.function()));
    }
    if names.oid.is_some() {
        sql.push_str(&format!("DROP TABLE {}; ", names.arrivals_table()));
    }
    sql
}
