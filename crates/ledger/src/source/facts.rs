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
    pub(crate) key_name: String,
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
    /// The key column by itself is unique.
    pub(crate) unique: bool,
    pub(crate) key: Option<Column>,
    /// The columns that are signed.
    pub(crate) signed: Vec<Option<Column>>,
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
const ANSWER: usize = 14;

impl Facts {
    /// The query: one row, for the simple protocol, so that it can be sent together with other statements.
    ///
    /// NOT NULL: since Postgres 18 a constraint that is NOT VALID sets `attnotnull`, too. Unique: a B-tree whose operators are
    /// those of integers, over all rows, without expressions, complete and in use. A deferrable one will do: other sessions
    /// never see what is not yet checked.
    pub(crate) fn sql(source: &TableSource) -> String {
        let [schema, name] = [&source.schema, &source.name].map(|text| text_literal(text));
        let columns = |names: &[String]| {
            let names: Vec<String> = names.iter().map(|name| text_literal(name)).collect();
            format!("unnest(ARRAY[{}]::text[]) WITH ORDINALITY AS w (name, place)", names.join(", "))
        };
        let (key, signed) = (columns(std::slice::from_ref(&source.key)), columns(source.signed.columns()));
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
             (SELECT quote_ident(w.name) FROM {key}), (SELECT json_agg(quote_ident(w.name) ORDER BY w.place) FROM {signed}), \
             (SELECT oid FROM pg_database WHERE datname = current_database()), \
             c.oid, c.relkind, row_security_active(c.oid), has_schema_privilege(c.relnamespace, 'USAGE'), \
             has_any_column_privilege(c.oid, 'SELECT'), EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid \
               AND i.indisunique AND i.indisvalid AND i.indisready AND i.indislive AND NOT i.indisexclusion \
               AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 1 \
               AND i.indkey[0] = (SELECT a.attnum FROM {key} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = w.name) \
               AND (SELECT o.opcfamily = f.oid FROM pg_opclass o, pg_opfamily f, pg_am m WHERE o.oid = i.indclass[0] \
                 AND f.opfname = 'integer_ops' AND f.opfnamespace = 'pg_catalog'::regnamespace \
                 AND f.opfmethod = m.oid AND m.amname = 'btree')), {}, {} \
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
                && relation.key.as_ref().is_some_and(|key| key.may_read)
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
        let relation = || {
            Some(Relation {
                oid: number(6)?,
                kind: text(7)?,
                row_security: is(8),
                may_use_schema: is(9),
                may_read: is(10),
                unique: is(11),
                key: columns(12)?.pop()?,
                signed: columns(13)?,
            })
        };
        Some(Self {
            reader: text(0)?,
            schema: text(1)?,
            table: text(2)?,
            key_name: text(3)?,
            signed_names: serde_json::from_str(row.get(4)?).ok()?,
            database: number(5)?,
            relation: relation(),
        })
    }
}
