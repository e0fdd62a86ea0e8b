//! What to do about a table that cannot be signed: statements that can be run as they are.

use tokio_postgres::{Client, Row};
use vaultstream_api::{Signed, TableSource};

use super::error::{Lack, Lacking, SourceError};
use super::facts::{Facts, Relation};
use super::judge::{Member, Unfit};
use super::nearest::{Candidate, nearest};
use super::types;
use crate::error::QueryError;
use crate::jobs::PlannedTable;
use crate::queries::{Params, Queries};

const ACTION: &str = "look at the source table";

/// Names that are compared at most.
const CANDIDATES_LIMIT: i64 = 10_000;

/// Reads from the catalog what the advice depends on.
struct Adviser<'a> {
    client: &'a Client,
    facts: &'a Facts,
    source: &'a TableSource,
    /// It is told to people who may not know which tables the database holds.
    for_others: bool,
}

/// The error that says why the table is unfit, and what to do.
///
/// # Errors
///
/// When Postgres fails.
pub(crate) async fn refuse(
    client: &Client,
    facts: &Facts,
    source: &TableSource,
    unfit: Unfit,
    for_others: bool,
) -> Result<SourceError, QueryError> {
    Adviser { client, facts, source, for_others }.error(unfit).await
}

/// A table that inherits from an ordinary one. Partitions do not count.
///
/// # Errors
///
/// When Postgres fails.
pub(crate) async fn child(client: &Client, table: &PlannedTable) -> Result<Option<String>, QueryError> {
    if table.partitioned {
        return Ok(None);
    }
    let sql = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = $1 ORDER BY 1 LIMIT 1";
    let row = Queries::over(client, ACTION).query_opt(sql, &[&table.table]).await?;
    Ok(row.map(|row| row.get(0)))
}

impl Adviser<'_> {
    async fn error(&self, unfit: Unfit) -> Result<SourceError, QueryError> {
        let Facts { reader, table, .. } = self.facts;
        let (table, reader, member) = (table.clone(), reader.clone(), self.source.key.member());
        let key_column = |at: usize| Member::Key(at).quoted(self.facts).to_owned();
        Ok(match unfit {
            Unfit::NoTable => self.no_table(Lack::Absent).await?,
            Unfit::TableDenied => self.no_table(Lack::Denied).await?,
            Unfit::Kind(kind) => SourceError::NotATable { table, kind: other_kind(&kind) },
            Unfit::NoColumn(member) => self.no_column(member, Lack::Absent).await?,
            Unfit::ColumnDenied(member) => self.no_column(member, Lack::Denied).await?,
            Unfit::NoPrimaryKey => SourceError::NoPrimaryKey { lack: self.no_primary_key().await?, table },
            Unfit::KeyType { at, found } => {
                let advice = self.another_key().await?;
                let advice = advice.map(|advice| format!(": {advice}")).unwrap_or_default();
                SourceError::KeyType { member, column: key_column(at), found, advice }
            }
            Unfit::SignedType { at, found } => {
                let column = Member::Signed(at).quoted(self.facts).to_owned();
                match self.source.signed {
                    Signed::Payload(_) => SourceError::PayloadType { column, found },
                    Signed::Columns(_) => SourceError::ColumnType { column, found },
                }
            }
            Unfit::Generated { at } => {
                SourceError::Generated { column: Member::Signed(at).quoted(self.facts).to_owned() }
            }
            Unfit::GeneratedKey { at } => SourceError::Generated { column: key_column(at) },
            Unfit::KeyNullable { at } => {
                SourceError::KeyNullable { member, column: key_column(at), advice: self.not_null(at).await? }
            }
            Unfit::KeyNotUnique => {
                let (key, lack) = match self.facts.key_names.as_slice() {
                    [one] => (format!("column {one}"), "it has no valid unique index without a condition"),
                    several => (
                        format!("columns ({})", several.join(", ")),
                        "no valid unique index without a condition has them or some of them",
                    ),
                };
                SourceError::KeyNotUnique { member, key, table, lack, advice: self.unique().await? }
            }
            Unfit::RowSecurity => SourceError::RowSecurity { table, reader },
        })
    }

    async fn no_table(&self, lack: Lack) -> Result<SourceError, QueryError> {
        let Facts { reader, schema, table, relation, .. } = self.facts;
        let may_use_schema = relation.as_ref().is_some_and(|relation| relation.may_use_schema);
        let usage = if may_use_schema && lack == Lack::Denied && !self.for_others {
            String::new()
        } else {
            format!("GRANT USAGE ON SCHEMA {schema} TO {reader}; ")
        };
        let suggestion = if relation.is_none() || self.for_others { self.nearest_table().await? } else { None };
        Ok(SourceError::NoTable(Lacking {
            thing: format!("table {table}"),
            reader: reader.clone(),
            lack: if self.for_others { Lack::AbsentOrDenied } else { lack },
            grant: format!("{usage}GRANT SELECT ON {table} TO {reader}"),
            suggestion,
        }))
    }

    async fn no_column(&self, member: Member, lack: Lack) -> Result<SourceError, QueryError> {
        let Facts { reader, table, .. } = self.facts;
        let column = member.quoted(self.facts);
        let suggestion =
            if lack == Lack::Absent || self.for_others { self.nearest_column(member).await? } else { None };
        let lacking = Lacking {
            thing: format!("column {column} of table {table}"),
            reader: reader.clone(),
            lack: if self.for_others { Lack::AbsentOrDenied } else { lack },
            grant: format!("GRANT SELECT ({column}) ON {table} TO {reader}"),
            suggestion,
        };
        Ok(SourceError::NoColumn { member: member.name(self.source), lacking })
    }

    /// Others are only told of tables that were opened for signing.
    async fn nearest_table(&self) -> Result<Option<String>, QueryError> {
        let sql = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> ALL ('{vaultstream,information_schema}') \
                      AND n.nspname !~ '^pg_' AND (NOT $1 OR has_schema_privilege(n.oid, 'USAGE') \
                        AND has_any_column_privilege(c.oid, 'SELECT')) LIMIT $2";
        let rows = self.query(sql, &[&self.for_others, &CANDIDATES_LIMIT]).await?;
        let candidates: Vec<_> =
            rows.iter().map(|row| Candidate { schema: Some(row.get(0)), name: row.get(1) }).collect();
        Ok(nearest(Some(&self.source.schema), &self.source.name, &candidates))
    }

    async fn nearest_column(&self, member: Member) -> Result<Option<String>, QueryError> {
        let sql = "SELECT attname FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped \
                      AND (NOT $2 OR has_column_privilege(attrelid, attnum, 'SELECT'))";
        let rows = self.query(sql, &[&self.oid(), &self.for_others]).await?;
        let candidates: Vec<_> = rows.iter().map(|row| Candidate { schema: None, name: row.get(0) }).collect();
        Ok(nearest(None, member.column(self.source), &candidates))
    }

    /// For a key that cannot be one: columns that can.
    async fn another_key(&self) -> Result<Option<String>, QueryError> {
        let others = self.relation().map(|relation| relation.unique.as_slice()).unwrap_or_default();
        let known: Vec<String> =
            types::ALL.iter().filter(|known| known.is_key()).map(|known| known.name.to_owned()).collect();
        let sql = "SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY w.place) FROM unnest($2::text[]) WITH ORDINALITY AS w (name, place) \
                     JOIN pg_attribute a ON a.attrelid = $1 AND a.attname = w.name JOIN pg_type t ON t.oid = a.atttypid \
                    HAVING bool_and(a.attnotnull AND t.oid < 10000 AND t.typname = ANY ($3::text[]))";
        for index in others {
            let rows = self.query(sql, &[&self.oid(), &index.columns, &known]).await?;
            if let Some(columns) = rows.first().and_then(|row| row.get::<_, Option<String>>(0)) {
                return Ok(Some(format!("keyColumns: [{columns}] can be the key")));
            }
        }
        Ok(None)
    }

    async fn no_primary_key(&self) -> Result<String, QueryError> {
        let kind = self.relation().map_or("r", |relation| relation.kind.as_str());
        if !matches!(kind, "r" | "p") {
            return Ok("has no primary key, as no view and no foreign table has one: name the columns that are unique together".to_owned());
        }
        let table = &self.facts.table;
        Ok(match self.another_key().await? {
            Some(advice) => format!("has no primary key: {advice}"),
            None => format!(
                "has no primary key, and no columns that are unique and NOT NULL: ALTER TABLE {table} ADD PRIMARY KEY (…), \
                 or name the columns that are unique together and give them a unique index"
            ),
        })
    }

    async fn not_null(&self, at: usize) -> Result<String, QueryError> {
        let table = &self.facts.table;
        let (name, key_name) = (self.key_column(at), Member::Key(at).quoted(self.facts));
        let sql = "SELECT quote_ident(x.conname) FROM pg_constraint x JOIN pg_attribute a ON a.attrelid = x.conrelid \
                      AND a.attnum = ANY (x.conkey) WHERE x.conrelid = $1 AND a.attname = $2 AND x.contype = 'n' AND NOT x.convalidated";
        let rows = self.query(sql, &[&self.oid(), &name]).await?;
        Ok(match rows.first() {
            Some(row) => {
                let constraint: &str = row.get(0);
                format!("its NOT NULL is NOT VALID: ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}")
            }
            None => format!("ALTER TABLE {table} ALTER COLUMN {key_name} SET NOT NULL"),
        })
    }

    async fn unique(&self) -> Result<String, QueryError> {
        let Facts { table, key_names, .. } = self.facts;
        let key_names = key_names.join(", ");
        let partitioned = self.relation().is_some_and(|relation| relation.kind == "p");
        if partitioned && !self.holds_partition_keys().await? {
            let partition = self.some_partition().await?;
            let index =
                partition.map(|partition| format!(": CREATE UNIQUE INDEX CONCURRENTLY ON {partition} ({key_names})"));
            return Ok(format!(
                "Postgres allows none, since {table} is partitioned by something else: add the columns that it is partitioned by to keyColumns, \
                 or sign each partition by a job of its own, with an index of its own{}",
                index.unwrap_or_default()
            ));
        }
        let sql = "SELECT i.indexrelid::regclass::text, i.indisvalid AND i.indisready, u.columns <@ $2::text[] FROM pg_index i \
                    CROSS JOIN LATERAL (SELECT array_agg(a.attname::text) AS columns FROM pg_attribute a \
                      WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])) u \
                    WHERE i.indrelid = $1 AND i.indisunique AND u.columns && $2::text[] AND i.indpred IS NULL AND i.indexprs IS NULL \
                    ORDER BY i.indnkeyatts, i.indisvalid";
        let named = self.relation().map(|relation| relation.key_columns.as_slice()).unwrap_or_default();
        let rows = self.query(sql, &[&self.oid(), &named]).await?;
        let of_more = rows.iter().any(|row| !row.get::<_, bool>(2));
        if let Some(row) = rows.iter().find(|row| row.get::<_, bool>(2) && !row.get::<_, bool>(1)) {
            let index: &str = row.get(0);
            return Ok(if partitioned {
                format!("index {index} is not valid: attach an index of every partition to it")
            } else {
                format!("index {index} is not valid: REINDEX INDEX CONCURRENTLY {index}")
            });
        }
        let concurrently = if partitioned { "" } else { "CONCURRENTLY " };
        let create = format!("CREATE UNIQUE INDEX {concurrently}ON {table} ({key_names})");
        if !of_more {
            return Ok(create);
        }
        // It is unique together with other columns: by itself it may well repeat.
        let other = self.another_key().await?.map(|advice| format!("; else {advice}")).unwrap_or_default();
        Ok(format!("if no two rows have the same {key_names}, {create}{other}"))
    }

    /// Whether a unique index on the key is possible: every level is partitioned by columns of it and nothing else.
    async fn holds_partition_keys(&self) -> Result<bool, QueryError> {
        let sql = "SELECT coalesce(bool_and(t.partexprs IS NULL AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.partrelid \
                       AND a.attnum = ANY (t.partattrs) AND a.attname <> ALL ($2::text[]))), false) \
                     FROM pg_partition_tree($1::oid) p JOIN pg_partitioned_table t ON t.partrelid = p.relid";
        let named = self.relation().map(|relation| relation.key_columns.as_slice()).unwrap_or_default();
        let rows = self.query(sql, &[&self.oid(), &named]).await?;
        Ok(rows.first().is_some_and(|row| row.get(0)))
    }

    /// The name of a column of the key in the catalog.
    fn key_column(&self, at: usize) -> &str {
        self.relation().and_then(|relation| relation.key_columns.get(at)).map_or("", String::as_str)
    }

    async fn some_partition(&self) -> Result<Option<String>, QueryError> {
        let sql = "SELECT relid::regclass::text FROM pg_partition_tree($1::oid) WHERE isleaf ORDER BY 1 LIMIT 1";
        Ok(self.query(sql, &[&self.oid()]).await?.first().map(|row| row.get(0)))
    }

    fn relation(&self) -> Option<&Relation> {
        self.facts.relation.as_ref()
    }

    fn oid(&self) -> u32 {
        self.relation().map_or(0, |relation| relation.oid)
    }

    async fn query(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, QueryError> {
        Queries::over(self.client, ACTION).query(sql, params).await
    }
}

/// What a relation of another kind is.
fn other_kind(kind: &str) -> &'static str {
    match kind {
        "S" => "a sequence",
        "c" => "a composite type",
        _ => "an index or the like",
    }
}
