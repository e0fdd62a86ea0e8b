//! The SQL that reads rows whose ids are ordinals: in the order of their keys, and by them.

use vaultstream_signing::RowKey;

use super::facts::text_literal;
use super::key_columns::{KeyColumn, KeyExpressions};
use super::read_from::ReadFrom;

impl ReadFrom {
    /// The next keys behind `after` in their [`KeyForm`](crate::copy::KeyForm), ordered by the columns `order`: those of the index, or of a view
    /// all those of the key. A key that rows of a view share comes once.
    pub(crate) fn row_keys(&self, order: &[String], after: Option<&RowKey>, limit: i64) -> String {
        let Some(key) = &self.row_key else { return String::new() };
        let field = key.form().sql((0..key.columns.len()).map(|at| format!("k.k{at}")));
        self.next_keys(key, &format!("{field} AS key"), order, after, limit)
    }

    /// As [`row_keys`](Self::row_keys), and before each key it as a value of the type of the job's rows, without an ordinal.
    pub(crate) fn row_values(&self, order: &[String], after: Option<&RowKey>, limit: i64) -> String {
        let Some(key) = &self.row_key else { return String::new() };
        let values: Vec<String> = (0..key.columns.len()).map(|at| format!("k.k{at}")).collect();
        let selected =
            format!("ROW(NULL::int8, {})::text, {}", values.join(", "), key.form().sql(values.iter().cloned()));
        self.next_keys(key, &selected, order, after, limit)
    }

    fn next_keys(
        &self,
        key: &KeyExpressions,
        selected: &str,
        order: &[String],
        after: Option<&RowKey>,
        limit: i64,
    ) -> String {
        let ordered: Vec<(usize, &KeyColumn)> = order
            .iter()
            .filter_map(|name| key.columns.iter().enumerate().find(|(_, column)| column.name == *name))
            .collect();
        let ordering: Vec<&str> = ordered.iter().map(|(_, column)| column.value.as_str()).collect();
        let behind = after.map_or_else(String::new, |after| {
            let literals = ordered.iter().map(|(at, column)| {
                let text = after.values().get(*at).map_or("", String::as_str);
                format!("{}::{}", text_literal(text), column.type_name)
            });
            format!(" WHERE ({}) > ({})", ordering.join(", "), literals.collect::<Vec<_>>().join(", "))
        });
        let values: Vec<String> = key.values().enumerate().map(|(at, value)| format!("{value} AS k{at}")).collect();
        let group = if key.is_indexed() { String::new() } else { format!(" GROUP BY {}", key.list()) };
        format!(
            "SELECT {selected} FROM (SELECT {} FROM {}{behind}{group} ORDER BY {} LIMIT {limit}) AS k",
            values.join(", "),
            self.table,
            ordering.join(", "),
        )
    }

    /// How many rows have no key.
    pub(crate) fn without_a_key(&self) -> String {
        let keys = self.row_key.as_ref().map(KeyExpressions::list).unwrap_or_default();
        format!("SELECT count(*) AS rows FROM {} WHERE num_nulls({keys}) > 0", self.table)
    }

    /// The rows with keys from `first` to `last`, in their order and `limit` of them at most: the key in its form, and the payload as
    /// of [`rows_with`](Self::rows_with).
    pub(crate) fn rows_between(&self, first: &RowKey, last: &RowKey, limit: usize, most_bytes: u32) -> String {
        let Self { table, payload, row_key, .. } = self;
        let Some(key) = row_key else { return String::new() };
        let list = key.list();
        let values: Vec<String> = key.values().enumerate().map(|(at, value)| format!("{value} AS k{at}")).collect();
        format!(
            "SELECT {}, CASE WHEN octet_length(r.payload) <= {most_bytes} THEN r.payload END, \
             CASE WHEN octet_length(r.payload) > {most_bytes} THEN octet_length(r.payload)::bigint END FROM \
             (SELECT {}, {payload} AS payload FROM {table} WHERE ({list}) >= ({}) AND ({list}) <= ({}) ORDER BY {list} LIMIT {limit} \
             OFFSET 0) AS r",
            key.form().sql((0..key.columns.len()).map(|at| format!("r.k{at}"))),
            values.join(", "),
            key.literals(first),
            key.literals(last),
        )
    }

    /// The rows with these keys: the place of the key, counted from 1 and ascending, the payload if it has `most_bytes` at most, and else
    /// its size.
    pub(crate) fn rows_with<'k>(&self, keys: impl Iterator<Item = &'k RowKey> + Clone, most_bytes: u32) -> String {
        let Self { table, payload, row_key, .. } = self;
        let Some(key) = row_key else { return String::new() };
        let (wanted, is_wanted) = (key.wanted(keys), key.is_wanted());
        // OFFSET 0 keeps the payload's cast from being done once per mention, and each row of a table is looked up by itself.
        let rows = if key.is_indexed() {
            format!(
                "SELECT w.n, s.payload FROM {wanted} CROSS JOIN LATERAL (SELECT {payload} AS payload FROM {table} WHERE {is_wanted} OFFSET 0) AS s"
            )
        } else {
            format!("SELECT w.n, {payload} AS payload FROM {wanted} JOIN {table} ON {is_wanted} ORDER BY w.n OFFSET 0")
        };
        format!(
            "SELECT r.n, CASE WHEN octet_length(r.payload) <= {most_bytes} THEN r.payload END, \
             CASE WHEN octet_length(r.payload) > {most_bytes} THEN octet_length(r.payload)::bigint END FROM ({rows}) AS r"
        )
    }
}

#[cfg(test)]
mod tests {
    use vaultstream_api::{Key, Source, TableSource};

    use super::*;
    use crate::jobs::{RowAccess, RowIds, RowKeyColumns, fixture};

    fn from(access: RowAccess) -> ReadFrom {
        let Source::Table(table) = fixture::table() else { panic!("another source") };
        let columns = ["tenant", "No"].map(str::to_owned).to_vec();
        let mut job = fixture::job(Source::Table(TableSource { key: Key::Columns(columns.clone()), ..table }));
        let types = ["text", "int4"].map(str::to_owned).to_vec();
        job.key = Some(RowKeyColumns { columns, types, ids: RowIds::Ordinals(access) });
        ReadFrom::of(&job)
    }

    fn key(tenant: &str, no: &str) -> RowKey {
        RowKey::new(vec![tenant.to_owned(), no.to_owned()])
    }

    #[test]
    fn keys_come_in_the_order_of_their_index() {
        let order = ["No", "tenant"].map(str::to_owned);
        let sql = from(RowAccess::Range).row_keys(&order, Some(&key("it's \\", "-7")), 10);
        assert_eq!(
            sql,
            "SELECT record_send(ROW(k.k0::text, k.k1::text)) AS key FROM (SELECT source.\"tenant\" AS k0, source.\"No\" AS k1 \
             FROM \"public\".\"orders\" AS source WHERE (source.\"No\", source.\"tenant\") > (E'-7'::int4, E'it''s \\\\'::text) \
             ORDER BY source.\"No\", source.\"tenant\" LIMIT 10) AS k"
        );
        let first = from(RowAccess::Range).row_keys(&order[..1], None, 10);
        assert!(first.contains("AS source ORDER BY source.\"No\" LIMIT 10"), "{first}");
    }

    #[test]
    fn rows_of_a_range_come_with_their_keys() {
        let sql = from(RowAccess::Range).rows_between(&key("a", "1"), &key("it's", "2"), 7, 100);
        let range = "WHERE (source.\"tenant\", source.\"No\") >= (E'a'::text, E'1'::int4) AND \
             (source.\"tenant\", source.\"No\") <= (E'it''s'::text, E'2'::int4) ORDER BY source.\"tenant\", source.\"No\" LIMIT 7 OFFSET 0";
        assert!(
            sql.contains(range) && sql.starts_with("SELECT record_send(ROW(r.k0::text, r.k1::text)), CASE"),
            "{sql}"
        );
    }

    #[test]
    fn a_key_of_a_view_comes_once() {
        let sql = from(RowAccess::Join).row_keys(&["tenant", "No"].map(str::to_owned), None, 5);
        assert!(sql.contains(" GROUP BY source.\"tenant\", source.\"No\" ORDER BY "), "{sql}");
    }

    #[test]
    fn rows_are_looked_up_by_keys_of_any_text() {
        let keys = [key("a\"b\\c{,}'", "1"), key("NULL", "2")];
        let sql = from(RowAccess::Range).rows_with(keys.iter(), 100);
        let arrays = "unnest(E'{\"a\\\\\"b\\\\\\\\c{,}''\",\"NULL\"}'::text[], E'{\"1\",\"2\"}'::text[]) WITH ORDINALITY AS w (k0, k1, n)";
        assert!(sql.contains(arrays), "{sql}");
        assert!(sql.contains("WHERE source.\"tenant\" = w.k0::text AND source.\"No\" = w.k1::int4 OFFSET 0"), "{sql}");
        let of_view = from(RowAccess::Join).rows_with(keys.iter(), 100);
        assert!(
            of_view.contains(" JOIN \"public\".\"orders\" AS source ON ") && of_view.contains("ORDER BY w.n"),
            "{of_view}"
        );
    }
}
