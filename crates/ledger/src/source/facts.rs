//! What the catalog says of a table and of the columns that a job needs.

use serde::Deserialize;
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};
use vaultstream_api::TableSource;

use super::types::{self, Type};

/// What the catalog says, to the session's present role.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The role.
    pub(crate) reader: String,
    /// Schema, table and columns as SQL writes them.
    pub(crate) schema: String,
    pub(crate) table: String,
    /// The columns of the key; none where the table has no primary key, and no other was named.
    pub(crate) key_names: Vec<String>,
    pub(crate) signed_names: Vec<String>,
    /// The database.
    pub(crate) database: u32,
    /// `None` when no relation has that name.
    pub(crate) relation: Option<Relation>,
}

/// A table, or another relation of that name.
#[derive(Debug)]
pub(crate) struct Relation {
    pub(crate) oid: u32,
    /// `relkind`.
    pub(crate) kind: String,
    /// Rows may be hidden from the role.
    pub(crate) row_security: bool,
    pub(crate) may_use_schema: bool,
    /// Of a column at least.
    pub(crate) may_read: bool,
    /// Columns that are unique together by a complete index in use, by their names in the catalog.
    pub(crate) unique: Vec<UniqueIndex>,
    /// The columns of the key, by their names in the catalog.
    pub(crate) key_columns: Vec<String>,
    pub(crate) key: Vec<Option<Column>>,
    /// The columns that are signed.
    pub(crate) signed: Vec<Option<Column>>,
}

/// A unique B-tree over all rows, without expressions.
#[derive(Debug, Deserialize)]
pub(crate) struct UniqueIndex {
    /// In its order.
    pub(crate) columns: Vec<String>,
    /// Each by the order of integers.
    pub(crate) of_integers: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Column {
    /// The number of its type. Built-in types have the same ones in every database, and no user can make a type with one of them.
    pub(crate) type_oid: u32,
    /// The type as SQL writes it.
    pub(crate) shown: String,
    /// No row has NULL there.
    pub(crate) not_null: bool,
    pub(crate) may_read: bool,
    /// Its values are computed from other columns.
    pub(crate) generated: bool,
}

/// The least number that Postgres gives to what is not built in.
const FIRST_NOT_BUILT_IN: u32 = 10_000;

impl Column {
    /// Its type, if values of that can be keys or be signed.
    pub(crate) fn known_type(&self) -> Option<Type> {
        types::by_oid(self.type_oid)
    }

    /// Whether only a superuser can have made the code of its type and of the casts from it.
    pub(crate) fn is_built_in(&self) -> bool {
        self.type_oid < FIRST_NOT_BUILT_IN
    }
}

/// The server returned something else than the facts.
#[derive(Debug, thiserror::Error)]
#[error("the database did not describe the source table")]
pub(crate) struct NoFacts;

/// A text as SQL writes it, whatever `standard_conforming_strings` says.
pub(crate) fn text_literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// Columns of the answer.
const ANSWER: usize = 15;

/// The columns of the primary key of `c`, in its order.
const PRIMARY_KEY: &str = "(SELECT p.attname::text, u.place FROM pg_index i \
     CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS u (attnum, place) \
     JOIN pg_attribute p ON p.attrelid = i.indrelid AND p.attnum = u.attnum \
     WHERE i.indrelid = c.oid AND i.indisprimary AND u.place <= i.indnkeyatts) AS w (name, place)";

/// The unique indexes of `c`: that of the primary key first, then those of fewer columns.
const UNIQUE_INDEXES: &str = "SELECT json_agg(json_build_object('columns', x.columns, 'of_integers', x.of_integers) \
       ORDER BY x.indisprimary DESC, cardinality(x.columns), x.indexrelid) FROM (SELECT i.indexrelid, i.indisprimary, \
         array_agg(a.attname::text ORDER BY u.place) AS columns, \
         bool_and(f.opfname = 'integer_ops' AND f.opfnamespace = 'pg_catalog'::regnamespace) AS of_integers FROM pg_index i \
       CROSS JOIN LATERAL unnest(i.indkey::smallint[], i.indclass::oid[]) WITH ORDINALITY AS u (attnum, opclass, place) \
       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum \
       JOIN pg_opclass o ON o.oid = u.opclass JOIN pg_opfamily f ON f.oid = o.opcfamily JOIN pg_am m ON m.oid = f.opfmethod \
      WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indisready AND i.indislive AND NOT i.indisexclusion \
        AND i.indpred IS NULL AND i.indexprs IS NULL AND u.place <= i.indnkeyatts \
      GROUP BY i.indexrelid, i.indisprimary HAVING bool_and(m.amname = 'btree' AND o.opcdefault AND o.opcnamespace = 'pg_catalog'::regnamespace)) AS x";

impl Facts {
    /// The query: one row, for the simple protocol, so that it can be sent together with other statements.
    ///
    /// NOT NULL: since Postgres 18 a constraint that is NOT VALID sets `attnotnull`, too. Unique: a B-tree with the types' own
    /// operators, over all rows, without expressions, complete and in use. A deferrable one will do: other sessions never see what is
    /// not yet checked.
    pub(crate) fn sql(source: &TableSource) -> String {
        let [schema, name] = [&source.schema, &source.name].map(|text| text_literal(text));
        let named = |names: &[String]| {
            let names: Vec<String> = names.iter().map(|name| text_literal(name)).collect();
            format!("unnest(ARRAY[{}]::text[]) WITH ORDINALITY AS w (name, place)", names.join(", "))
        };
        let key = source.key.columns().map_or_else(|| PRIMARY_KEY.to_owned(), named);
        let signed = named(source.signed.columns());
        let described = |columns: &str| {
            format!(
                "(SELECT json_agg(CASE WHEN a.attnum IS NOT NULL THEN json_build_object('type_oid', a.atttypid::bigint, \
                   'shown', format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull AND NOT EXISTS (SELECT FROM pg_constraint x \
                     WHERE x.conrelid = c.oid AND x.contype = 'n' AND NOT x.convalidated AND a.attnum = ANY (x.conkey)), \
                   'may_read', has_column_privilege(c.oid, a.attnum, 'SELECT'), 'generated', a.attgenerated <> '') END ORDER BY w.place) \
                   FROM {columns} LEFT JOIN pg_attribute a \
                     ON a.attrelid = c.oid AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped)"
            )
        };
        format!(
            "SELECT quote_ident(current_user), quote_ident({schema}), quote_ident({schema}) || '.' || quote_ident({name}), \
             (SELECT json_agg(quote_ident(w.name) ORDER BY w.place) FROM {key}), \
             (SELECT json_agg(quote_ident(w.name) ORDER BY w.place) FROM {signed}), \
             (SELECT oid FROM pg_database WHERE datname = current_database()), \
             c.oid, c.relkind, row_security_active(c.oid), has_schema_privilege(c.relnamespace, 'USAGE'), \
             has_any_column_privilege(c.oid, 'SELECT'), ({UNIQUE_INDEXES}), \
             (SELECT json_agg(w.name ORDER BY w.place) FROM {key}), {}, {} \
             FROM (SELECT) AS one LEFT JOIN pg_class c ON c.relname = {name} \
               AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = {schema})",
            described(&key),
            described(&signed),
        )
    }

    /// The table is there, and its key may be read.
    pub(crate) fn is_readable(&self) -> bool {
        self.relation.as_ref().is_some_and(|relation| {
            matches!(relation.kind.as_str(), "r" | "p")
                && relation.may_use_schema
                && !relation.key.is_empty()
                && relation.key.iter().all(|key| key.as_ref().is_some_and(|key| key.may_read))
                && !relation.row_security
        })
    }

    /// The answer, among those of other statements.
    pub(crate) fn read(messages: &[SimpleQueryMessage]) -> Option<Self> {
        messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) if row.len() == ANSWER => Self::of_row(row),
            _ => None,
        })
    }

    fn of_row(row: &SimpleQueryRow) -> Option<Self> {
        let text = |column: usize| row.get(column).map(str::to_owned);
        let number = |column: usize| row.get(column).and_then(|digits| digits.parse().ok());
        let is = |column: usize| row.get(column) == Some("t");
        let columns = |column: usize| serde_json::from_str::<Vec<Option<Column>>>(row.get(column)?).ok();
        // No row to make a list of, no list.
        let list = |column: usize| serde_json::from_str::<Vec<String>>(row.get(column).unwrap_or("[]")).ok();
        let relation = || {
            Some(Relation {
                oid: number(6)?,
                kind: text(7)?,
                row_security: is(8),
                may_use_schema: is(9),
                may_read: is(10),
                unique: serde_json::from_str(row.get(11).unwrap_or("[]")).ok()?,
                key_columns: list(12)?,
                key: columns(13).unwrap_or_default(),
                signed: if row.get(14).is_some() { columns(14)? } else { Vec::new() },
            })
        };
        Some(Self {
            reader: text(0)?,
            schema: text(1)?,
            table: text(2)?,
            key_names: list(3)?,
            signed_names: list(4)?,
            database: number(5)?,
            relation: relation(),
        })
    }
}
