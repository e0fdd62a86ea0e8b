//! The SQL that reads records.

use base16ct::lower::encode_string;
use uuid::Uuid;
use vaultstream_api::{Signed, Source, TableSource};
use vaultstream_signing::RowForm;

use super::key_columns::KeyExpressions;
use super::names::{literal, quoted, records_partition};
use super::payload_form::PayloadForm;
use crate::jobs::{Job, RowKeyColumns};

/// The parts of a query that reads records. The table has the alias `source`, and every column is qualified with it: a bare name in
/// ORDER BY could mean an output column, which is a cast that no index fits.
pub(crate) struct ReadFrom {
    /// Qualified name.
    name: String,
    /// For FROM.
    pub(crate) table: String,
    /// The id column, where ids are the values of one.
    pub(crate) key: String,
    /// What names a row, where ids are ordinals.
    pub(crate) row_key: Option<KeyExpressions>,
    /// An expression whose binary form is a payload, before what `form` does with it.
    pub(crate) payload: String,
    /// How that becomes the payload that is signed.
    pub(crate) form: PayloadForm,
    /// Each range must be written out, so that the planner excludes the partitions without its rows: it locks the others.
    pub(crate) partitioned: bool,
}

impl ReadFrom {
    pub(crate) fn of(job: &Job) -> Self {
        match &job.spec.source {
            Source::Generate(_) => {
                let name = records_partition(job.id);
                let (key, payload) = ("source.id".to_owned(), "source.payload".to_owned());
                let (table, form) = (format!("{name} AS source"), PayloadForm::AsRead);
                Self { table, name, key, row_key: None, payload, form, partitioned: false }
            }
            Source::Table(table) => {
                let partitioned = job.planned_table.map(|planned| planned.partitioned);
                let from = Self::of_table(table, job.uid, job.signed_types.as_deref(), partitioned);
                from.with_key(job.key_columns(), job.ordinals())
            }
        }
    }

    /// `partitioned` is not known of a job that an earlier version planned; such a job reads a table with what inherits from
    /// it, as it began.
    pub(crate) fn of_table(
        table: &TableSource,
        job: Uuid,
        types: Option<&[String]>,
        partitioned: Option<bool>,
    ) -> Self {
        let name = format!("{}.{}", quoted(&table.schema), quoted(&table.name));
        let only = if partitioned == Some(false) { "ONLY " } else { "" };
        let types = types.unwrap_or_default();
        let is_bytes = |at: usize| types.get(at).is_some_and(|name| name == "bytea");
        // The binary form of text is its bytes in the client's encoding, which is UTF-8.
        let value = |(at, column): (usize, &String)| {
            let cast = if is_bytes(at) { "" } else { "::text" };
            format!("source.{}{cast}", quoted(column))
        };
        let values: Vec<String> = table.signed.columns().iter().enumerate().map(value).collect();
        Self {
            table: format!("{only}{name} AS source"),
            name,
            key: String::new(),
            row_key: None,
            payload: match &table.signed {
                Signed::Payload(_) => values.concat(),
                Signed::Columns(columns) => {
                    let prefix = encode_string(RowForm::new(job, columns).prefix());
                    format!("'\\x{prefix}'::bytea || record_send(ROW({}))", values.join(", "))
                }
            },
            form: PayloadForm::of(table, job, types),
            partitioned: partitioned == Some(true),
        }
    }

    /// The same with the columns that name a row, and again as `ordinals`, where ids are these.
    pub(crate) fn with_key(self, columns: &[String], ordinals: Option<&RowKeyColumns>) -> Self {
        let id = columns.first().map(|column| format!("source.{}", quoted(column)));
        Self { key: id.unwrap_or_default(), row_key: ordinals.map(KeyExpressions::of), ..self }
    }

    /// Locks the table, without its partitions, against changes of its definition until the transaction ends. To prepare a query locks what
    /// it names and runs nothing, whatever that is by now. `LOCK TABLE` would need the right to read all columns.
    pub(crate) fn lock(&self) -> String {
        format!("PREPARE locked AS SELECT FROM ONLY {}", self.name)
    }

    /// The greatest key; NULL when there is a row without one, because NULL comes last. No row in an empty table. Newer planners
    /// believe the catalog that a column holds no NULL, and would find a plain condition on NULL to be false without looking.
    pub(crate) fn greatest(&self) -> String {
        let Self { table, key, .. } = self;
        format!("SELECT {key}::bigint AS key FROM {table} ORDER BY {key} DESC LIMIT 1")
    }

    /// Keys from `first` to `last`, ascending.
    pub(crate) fn keys(&self, first: i64, last: i64, limit: i64) -> String {
        let Self { table, key, .. } = self;
        let (first, last) = (literal(first), literal(last));
        format!(
            "SELECT {key}::bigint AS key FROM {table} WHERE {key} BETWEEN {first} AND {last} ORDER BY {key} LIMIT {limit}"
        )
    }

    /// How many rows there are, and how many have no key.
    pub(crate) fn count(&self) -> String {
        let keys = self.row_key.as_ref().map_or_else(|| self.key.clone(), |key| key.list());
        format!(
            "SELECT count(*) AS rows, count(*) FILTER (WHERE num_nulls({keys}) > 0) AS without_key FROM {}",
            self.table
        )
    }

    /// How many rows the key's index leads to.
    pub(crate) fn count_by_key(&self) -> String {
        if let Some(key) = &self.row_key {
            let keys = key.list();
            return format!(
                "SELECT count(*) AS rows FROM (SELECT FROM {} WHERE num_nulls({keys}) = 0 ORDER BY {keys} OFFSET 0) AS r",
                self.table
            );
        }
        format!("SELECT count(*) AS rows FROM {} WHERE {} >= {}", self.table, self.key, literal(i64::MIN))
    }

    /// Rows with keys from `first` to `last`, which are SQL, ascending.
    pub(crate) fn rows(&self, first: &str, last: &str, limit: Option<i64>) -> String {
        let Self { table, key, payload, .. } = self;
        let limit = limit.map(|rows| format!(" LIMIT {rows}")).unwrap_or_default();
        // OFFSET 0 keeps the payload's cast from being done once per mention.
        format!(
            "SELECT {key}::bigint AS id, {payload} AS payload FROM {table} \
             WHERE {key} BETWEEN {first} AND {last} ORDER BY {key}{limit} OFFSET 0"
        )
    }

    /// The rows with these keys, which ascend. Each is looked up by itself, through the key's index: others are not touched, and may be ones
    /// that cannot be read.
    pub(crate) fn rows_of(&self, ids: impl Iterator<Item = i64>) -> String {
        let Self { table, key, payload, .. } = self;
        let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
        format!(
            "SELECT w.id, r.payload FROM unnest('{{{}}}'::bigint[]) AS w (id) CROSS JOIN LATERAL \
             (SELECT {payload} AS payload FROM {table} WHERE {key} = w.id OFFSET 0) AS r",
            ids.join(",")
        )
    }

    /// Rows with keys from `first` to `last`, ascending, to be merged with signatures: at most `limit` of them, without the payloads of
    /// more than `most_bytes`, which the third column tells. A key that is not an integer is not the id of a record, and is not rounded to one.
    pub(crate) fn rows_to_merge(&self, first: i64, last: i64, limit: usize, most_bytes: u32) -> String {
        let Self { table, key, payload, .. } = self;
        let (first, last) = (literal(first), literal(last));
        format!(
            "SELECT r.id, CASE WHEN octet_length(r.payload) <= {most_bytes} THEN r.payload END, \
             octet_length(r.payload) > {most_bytes} FROM (SELECT {key}::bigint AS id, {payload} AS payload FROM {table} \
             WHERE {key} BETWEEN {first} AND {last} AND {key} = {key}::bigint ORDER BY {key} LIMIT {limit}) AS r"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::{PlannedTable, fixture};

    #[test]
    fn generated_records_are_read_from_the_job_s_partition() {
        let from = ReadFrom::of(&fixture::job(fixture::generated(32)));
        assert_eq!(
            from.rows("1", "9", None),
            "SELECT source.id::bigint AS id, source.payload AS payload FROM vaultstream.records_7 AS source \
             WHERE source.id BETWEEN 1 AND 9 ORDER BY source.id OFFSET 0"
        );
    }

    #[test]
    fn a_table_is_read_without_what_inherits_from_it_and_a_partitioned_one_with_its_partitions() {
        let mut job = fixture::job(fixture::table());
        // Planned by an earlier version, which did not record the table.
        let from = ReadFrom::of(&job);
        assert_eq!((from.table.as_str(), from.partitioned), ("\"public\".\"orders\" AS source", false));
        let planned = |partitioned| Some(PlannedTable { database: 1, table: 2, partitioned });
        job.planned_table = planned(false);
        let from = ReadFrom::of(&job);
        assert_eq!((from.table.as_str(), from.partitioned), ("ONLY \"public\".\"orders\" AS source", false));
        job.planned_table = planned(true);
        let from = ReadFrom::of(&job);
        assert_eq!((from.table.as_str(), from.partitioned), ("\"public\".\"orders\" AS source", true));
        assert_eq!(from.lock(), "PREPARE locked AS SELECT FROM ONLY \"public\".\"orders\"");
    }

    #[test]
    fn only_bytea_is_read_as_it_is() {
        let mut job = fixture::job(fixture::table());
        for (signed_type, payload) in [
            (Some("bytea"), "source.\"body\""),
            (Some("text"), "source.\"body\"::text"),
            (Some("jsonb"), "source.\"body\"::text"),
            (None, "source.\"body\"::text"),
        ] {
            job.signed_types = signed_type.map(|name: &str| vec![name.to_owned()]);
            assert_eq!(ReadFrom::of(&job).payload, payload, "{signed_type:?}");
        }
    }

    #[test]
    fn several_columns_are_read_as_a_row_behind_its_prefix() {
        let Source::Table(table) = fixture::table() else { panic!("another source") };
        let columns = vec!["id".to_owned(), "a\"b".to_owned()];
        let mut job = fixture::job(Source::Table(TableSource { signed: Signed::Columns(columns.clone()), ..table }));
        job.signed_types = Some(vec!["int8".to_owned(), "bytea".to_owned()]);
        let prefix = encode_string(RowForm::new(job.uid, &columns).prefix());
        let row = "record_send(ROW(source.\"id\"::text, source.\"a\"\"b\"))";
        assert_eq!(ReadFrom::of(&job).payload, format!("'\\x{prefix}'::bytea || {row}"));
    }

    #[test]
    fn keys_are_asked_for_along_their_index() {
        let from = ReadFrom::of(&fixture::job(fixture::table()));
        assert_eq!(
            from.keys(i64::MIN, 5, 10),
            "SELECT source.\"id\"::bigint AS key FROM \"public\".\"orders\" AS source WHERE source.\"id\" BETWEEN \
             '-9223372036854775808'::bigint AND '5'::bigint ORDER BY source.\"id\" LIMIT 10"
        );
        assert!(from.greatest().ends_with("ORDER BY source.\"id\" DESC LIMIT 1"), "{}", from.greatest());
        assert!(from.rows("1", "2", Some(3)).ends_with("ORDER BY source.\"id\" LIMIT 3 OFFSET 0"));
    }

    #[test]
    fn rows_are_counted_with_those_that_have_no_key_and_apart_along_the_index() {
        let from = ReadFrom::of(&fixture::job(fixture::table()));
        assert_eq!(
            from.count(),
            "SELECT count(*) AS rows, count(*) FILTER (WHERE num_nulls(source.\"id\") > 0) AS without_key \
             FROM \"public\".\"orders\" AS source"
        );
        assert_eq!(
            from.count_by_key(),
            "SELECT count(*) AS rows FROM \"public\".\"orders\" AS source WHERE source.\"id\" >= '-9223372036854775808'::bigint"
        );
    }
}
