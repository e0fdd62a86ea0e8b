//! Who may read arrivals and delete them.

use super::error::ArrivalsError;
use super::find::Found;
use super::relation::Relation;
use crate::error::QueryError;
use crate::queries::Queries;
use crate::source::names::quoted;

/// Makes sure that each reader is there, and can be let into the schema.
pub(super) async fn check(queries: &Queries<'_>, schema: &str, readers: &[String]) -> Result<(), ArrivalsError> {
    let sql = "SELECT has_schema_privilege(r.oid, n.oid, 'USAGE') OR has_schema_privilege(n.oid, 'USAGE WITH GRANT OPTION') AS comes_in \
         FROM pg_roles r, pg_namespace n WHERE r.rolname = $1 AND quote_ident(n.nspname) = $2";
    for reader in readers {
        let Some(row) = queries.query_opt(sql, &[reader, &schema]).await? else {
            return Err(ArrivalsError::NoReader(reader.clone()));
        };
        if !row.get::<_, bool>("comes_in") {
            return Err(ArrivalsError::ReaderOutside { reader: quoted(reader), schema: schema.to_owned() });
        }
    }
    Ok(())
}

/// Takes from everyone but the owner what default privileges gave.
pub(super) async fn close(queries: &Queries<'_>, names: &Found) -> Result<(), QueryError> {
    let sql = "SELECT DISTINCT format('REVOKE ALL ON %s %s FROM %s', o.kind, o.name, \
           CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END) AS statement FROM ( \
             SELECT 'TABLE' AS kind, c.oid::regclass::text AS name, c.relowner AS owner, \
               coalesce(c.relacl, acldefault('r', c.relowner)) AS acl FROM pg_class c \
               WHERE c.oid IN ($1::text::regclass, $2::text::regclass) \
             UNION ALL SELECT 'FUNCTION', p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)) \
               FROM pg_proc p WHERE p.oid = ($3::text || '()')::regprocedure) AS o \
           CROSS JOIN LATERAL aclexplode(o.acl) AS x WHERE x.grantee <> o.owner";
    let rows = queries.query(sql, &[&names.arrivals_table(), &names.follower_table(), &names.function()]).await?;
    let statements: Vec<String> = rows.iter().map(|row| row.get("statement")).collect();
    queries.batch(&statements.join("; ")).await
}

/// Lets the readers read and delete arrivals, and say which job follows.
pub(super) async fn grant(queries: &Queries<'_>, names: &Found, readers: &[String]) -> Result<(), QueryError> {
    let sql = "SELECT quote_ident(n.nspname) AS schema FROM pg_roles r, pg_namespace n WHERE r.rolname = $1 \
           AND quote_ident(n.nspname) = $2 AND NOT has_schema_privilege(r.oid, n.oid, 'USAGE')";
    for reader in readers {
        let name = quoted(reader);
        if queries.query_opt(sql, &[reader, &names.schema]).await?.is_some() {
            queries.batch(&format!("GRANT USAGE ON SCHEMA {} TO {name}", names.schema)).await?;
        }
        let (arrivals, follower) = (names.arrivals_table(), names.follower_table());
        let sql = format!(
            "GRANT SELECT, DELETE ON {arrivals} TO {name}; GRANT SELECT, INSERT, DELETE ON {follower} TO {name}"
        );
        queries.batch(&sql).await?;
    }
    Ok(())
}

/// Who may read and delete what was made for a table, beside its owner. Needs no right to it.
pub(super) async fn readers(queries: &Queries<'_>, found: &Found) -> Result<Vec<String>, QueryError> {
    let sql = "SELECT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee)::text END AS reader FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL aclexplode(c.relacl) AS x \
        WHERE quote_ident(n.nspname) = $1 AND c.relname = $2 AND x.grantee <> c.relowner \
          AND x.privilege_type IN ('SELECT', 'DELETE') GROUP BY 1 HAVING count(*) >= 2 ORDER BY 1";
    // What is left of it says who they were.
    let kept = if found.oid.is_some() { "arrivals" } else { "follower" };
    let rows = queries.query(sql, &[&found.schema, &format!("vaultstream_{kept}_{}", found.number)]).await?;
    Ok(rows.iter().map(|row| row.get("reader")).collect())
}

/// From here on the transaction is the table owner's: what is made is the owner's, not that of whoever runs the command.
pub(super) async fn become_owner(queries: &Queries<'_>, table: &Relation) -> Result<(), QueryError> {
    queries.batch(&format!("SET LOCAL ROLE {}", table.owner)).await
}
