//! The table that is to be followed, and whether a trigger can see all its new rows.

use vaultstream_api::{JsonForm, Key, Signed, TableSource};

use super::error::ArrivalsError;
use super::find::Found;
use super::make::KeyColumn;
use super::state::TableName;
use crate::jobs::PlannedTable;
use crate::queries::Queries;
use crate::source::SourceError;
use crate::source::advice::{child, refuse};
use crate::source::facts::Facts;
use crate::source::judge::{Unfit, key_of_table};
use crate::source::look::facts;
use crate::source::names::is_reserved;

/// A relation, as the catalog says. Names are as SQL writes them.
pub(super) struct Relation {
    pub(super) oid: u32,
    kind: String,
    pub(super) shown: String,
    pub(super) schema: String,
    pub(super) owner: String,
    pub(super) login: String,
    /// The login is the owner, or may become it.
    is_owner: bool,
    owner_may_create: bool,
    /// What it is a partition of.
    root: Option<String>,
    /// What it inherits from otherwise.
    parent: Option<String>,
    /// The first that is not logged, of it and its partitions.
    not_logged: Option<String>,
    temporary: bool,
}

const RELATION: &str = "SELECT c.oid, c.relkind::text AS kind, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS shown, \
     quote_ident(n.nspname) AS schema, quote_ident(pg_get_userbyid(c.relowner)) AS owner, quote_ident(current_user) AS login, \
     pg_has_role(c.relowner, 'MEMBER') AS is_owner, \
     has_schema_privilege(c.relowner, n.oid, 'CREATE') AND has_schema_privilege(c.relowner, n.oid, 'USAGE') AS owner_may_create, \
     CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::text END AS root, \
     (SELECT i.inhparent::regclass::text FROM pg_inherits i WHERE i.inhrelid = c.oid AND NOT c.relispartition \
       ORDER BY i.inhseqno LIMIT 1) AS parent, \
     (SELECT x.oid::regclass::text FROM pg_class x WHERE x.relpersistence = 'u' \
        AND (x.oid = c.oid OR x.oid IN (SELECT relid FROM pg_partition_tree(c.oid::regclass))) ORDER BY 1 LIMIT 1) AS not_logged, \
     c.relpersistence = 't' AS temporary \
   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";

/// The relation of this name, on a server where triggers can be made.
///
/// # Errors
///
/// That there is none, in planning's words, or that the server is a standby.
pub(super) async fn relation(queries: &Queries<'_>, table: &TableName) -> Result<Relation, ArrivalsError> {
    if queries.query_one("SELECT pg_is_in_recovery()", &[]).await?.get(0) {
        return Err(ArrivalsError::Standby);
    }
    named(queries, table).await
}

/// The relation of this name.
///
/// # Errors
///
/// That there is none, in planning's words.
pub(super) async fn named(queries: &Queries<'_>, table: &TableName) -> Result<Relation, ArrivalsError> {
    if is_reserved(&table.schema) {
        return Err(SourceError::ReservedSchema(table.schema.clone()).into());
    }
    let Some(row) = queries.query_opt(RELATION, &[&table.schema, &table.name]).await? else {
        let source = source(table, None);
        let facts = facts(queries.client(), &source).await?;
        return Err(refuse(queries.client(), &facts, &source, Unfit::NoTable, false).await?.into());
    };
    Ok(Relation {
        oid: row.get("oid"),
        kind: row.get("kind"),
        shown: row.get("shown"),
        schema: row.get("schema"),
        owner: row.get("owner"),
        login: row.get("login"),
        is_owner: row.get("is_owner"),
        owner_may_create: row.get("owner_may_create"),
        root: row.get("root"),
        parent: row.get("parent"),
        not_logged: row.get("not_logged"),
        temporary: row.get("temporary"),
    })
}

impl Relation {
    pub(super) fn is_partitioned(&self) -> bool {
        self.kind == "p"
    }

    /// Makes sure that a trigger would see every new row, and that the login may make one.
    pub(super) fn can_have_triggers(&self) -> Result<(), ArrivalsError> {
        let table = self.shown.clone();
        let kind = match self.kind.as_str() {
            "v" => Some("a view"),
            "m" => Some("a materialized view"),
            "f" => Some("a foreign table"),
            "S" => Some("a sequence"),
            "r" | "p" => None,
            _ => Some("no table"),
        };
        if let Some(kind) = kind {
            return Err(ArrivalsError::NoTriggers { table, kind });
        }
        if self.temporary {
            return Err(ArrivalsError::Temporary { table });
        }
        if let Some(root) = self.root.clone() {
            return Err(ArrivalsError::Partition { table, root });
        }
        if let Some(parent) = self.parent.clone() {
            return Err(ArrivalsError::Inherits { table, parent });
        }
        if let Some(table) = self.not_logged.clone() {
            return Err(ArrivalsError::Unlogged { table });
        }
        self.is_own()?;
        if !self.owner_may_create {
            let (owner, schema) = (self.owner.clone(), self.schema.clone());
            return Err(ArrivalsError::NoSchemaRights { owner, table, schema });
        }
        Ok(())
    }

    /// Makes sure that the login may do what the owner may.
    pub(super) fn is_own(&self) -> Result<(), ArrivalsError> {
        if self.is_owner {
            return Ok(());
        }
        let (login, table, owner) = (self.login.clone(), self.shown.clone(), self.owner.clone());
        Err(ArrivalsError::NotOwner { login, table, owner })
    }

    /// The columns of the key, judged as planning judges them.
    ///
    /// # Errors
    ///
    /// Why they cannot be the key.
    pub(super) async fn key(
        &self,
        queries: &Queries<'_>,
        table: &TableName,
        named: Option<&[String]>,
    ) -> Result<Vec<KeyColumn>, ArrivalsError> {
        let (client, source) = (queries.client(), source(table, named));
        let facts: Facts = facts(client, &source).await?;
        let types = match key_of_table(&facts) {
            Ok(types) => types,
            Err(unfit) => return Err(refuse(client, &facts, &source, unfit, false).await?.into()),
        };
        let planned = PlannedTable { database: facts.database, table: self.oid, partitioned: self.is_partitioned() };
        if let Some(child) = child(client, &planned).await? {
            return Err(SourceError::HasChildren { table: facts.table, child }.into());
        }
        let names = facts.relation.map(|relation| relation.key_columns).unwrap_or_default();
        Ok(names.into_iter().zip(types).map(|(name, type_name)| KeyColumn { name, type_name }).collect())
    }

    /// What was made for it, or the names that it is made under.
    pub(super) fn names(&self) -> Found {
        Found::nothing(&self.schema, self.oid)
    }
}

/// The table as a manifest would name it that signs none of its columns.
fn source(table: &TableName, key: Option<&[String]>) -> TableSource {
    TableSource {
        schema: table.schema.clone(),
        name: table.name.clone(),
        key: key.map_or(Key::Primary, |columns| Key::Columns(columns.to_vec())),
        signed: Signed::Columns(Vec::new()),
        json: JsonForm::Text,
    }
}
