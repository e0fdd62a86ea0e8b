//! Logins: what it takes to make them, and how.

use super::error::{MAX_NAME_BYTES, TenantError};
use crate::error::QueryError;
use crate::queries::Queries;
use crate::source::quoted;

/// Makes sure that the login may make members of `group` and change the ledger. Returns the ledger's owner, as SQL writes it, unless it is a
/// superuser.
pub(super) async fn check_rights(queries: &Queries<'_>, group: &str) -> Result<Option<String>, TenantError> {
    let sql = "SELECT quote_ident(current_user) AS login, quote_ident(o.rolname) AS owner, o.rolsuper AS owner_is_superuser, \
                (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) AS makes_roles, \
                pg_has_role(o.oid, 'USAGE') AS owns, \
                EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS group_is_there \
           FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner WHERE c.oid = 'vaultstream.jobs'::regclass";
    let row = queries.query_one(sql, &[&group]).await?;
    let (login, owner): (String, String) = (row.get("login"), row.get("owner"));
    if !row.get::<_, bool>("makes_roles") {
        let mend = format!("log in as an administrator, or ALTER ROLE {login} CREATEROLE;");
        return Err(TenantError::NotAllowed { login, action: "make logins", mend });
    }
    if !row.get::<_, bool>("owns") {
        let mend = format!("log in as {owner}, or GRANT {owner} TO {login};");
        return Err(TenantError::NotAllowed { login, action: "give anyone rights in the ledger", mend });
    }
    if !row.get::<_, bool>("group_is_there") {
        let mend = format!("CREATE ROLE {group} NOLOGIN; and run `vaultstream migrate` as the ledger's owner again");
        return Err(TenantError::NotAllowed { login, action: "grant rights that are not there", mend });
    }
    Ok((!row.get::<_, bool>("owner_is_superuser")).then_some(owner))
}

pub(super) fn check_name(role: &str) -> Result<(), TenantError> {
    if role.is_empty() || role.len() > MAX_NAME_BYTES {
        return Err(TenantError::BadRole { role: role.to_owned() });
    }
    Ok(())
}

/// Makes a login with the rights of `group`.
pub(super) async fn make_login(
    queries: &Queries<'_>,
    role: &str,
    password: &str,
    group: &str,
) -> Result<(), TenantError> {
    let (name, verifier) = (quoted(role), verifier(password));
    queries.batch(&format!("CREATE ROLE {name} LOGIN PASSWORD {verifier}; GRANT {group} TO {name}")).await?;
    let_connect(queries, role).await
}

/// Lets a login connect to this database even where PUBLIC may not.
pub(super) async fn let_connect(queries: &Queries<'_>, role: &str) -> Result<(), TenantError> {
    let sql = "SELECT quote_ident(current_database()) AS database, quote_ident(current_user) AS login, \
         has_database_privilege($1::text::name, current_database(), 'CONNECT') AS connects, \
         has_database_privilege(current_database(), 'CONNECT WITH GRANT OPTION') AS may_grant";
    let row = queries.query_one(sql, &[&role]).await?;
    let (database, login): (String, String) = (row.get("database"), row.get("login"));
    if row.get("may_grant") {
        queries.batch(&format!("GRANT CONNECT ON DATABASE {database} TO {}", quoted(role))).await?;
    } else if !row.get::<_, bool>("connects") {
        let mend = format!("GRANT CONNECT ON DATABASE {database} TO {login} WITH GRANT OPTION;");
        return Err(TenantError::NotAllowed { login, action: "let logins connect to this database", mend });
    }
    Ok(())
}

pub(super) async fn change_password(queries: &Queries<'_>, role: &str, password: &str) -> Result<(), QueryError> {
    queries.batch(&format!("ALTER ROLE {} PASSWORD {}", quoted(role), verifier(password))).await
}

/// The password as the server stores it (RFC 5803), as a literal: so that no statement and no log of the server has it in clear text.
fn verifier(password: &str) -> String {
    format!("'{}'", postgres_protocol::password::scram_sha_256(password.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_sent_as_it_is() {
        let sent = verifier("secret'word");
        assert!(sent.starts_with("'SCRAM-SHA-256$4096:") && !sent.contains("secret"), "{sent}");
    }
}
