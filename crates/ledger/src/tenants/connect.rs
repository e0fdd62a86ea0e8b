//! Who may connect to the ledger's database. Postgres lets every login of the server, unless its owner takes that from PUBLIC.

use super::error::TenantError;
use super::login::let_connect;
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::queries::Queries;

/// The statement that keeps other logins out; `None` where PUBLIC may not connect.
///
/// # Errors
///
/// When Postgres fails.
pub async fn open_to_public(ledger: &Ledger) -> Result<Option<String>, QueryError> {
    let sql = "SELECT quote_ident(datname) AS database FROM pg_database WHERE datname = current_database() AND EXISTS \
         (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE grantee = 0 AND privilege_type = 'CONNECT')";
    let row = ledger.query_opt("read who may connect", sql, &[]).await?;
    Ok(row.map(|row| format!("REVOKE CONNECT ON DATABASE {} FROM PUBLIC;", row.get::<_, &str>("database"))))
}

/// Takes the right to connect from PUBLIC, in a database that holds nothing but the ledger. The logins of namespaces keep it; so do those of operator
/// and auditors, which have it since they were made.
///
/// # Errors
///
/// See [`TenantError`].
pub async fn close_to_public(ledger: &Ledger) -> Result<(), TenantError> {
    const ACTION: &str = "close the database to other logins";
    let mut client = ledger.client(ACTION).await?;
    let failed = |error| QueryError::new(ACTION, error);
    let tx = client.transaction().await.map_err(failed)?;
    let inside = Queries::over(tx.client(), ACTION);
    let sql = "SELECT quote_ident(datname) AS database, quote_ident(current_user) AS login, \
           quote_ident(pg_get_userbyid(datdba)) AS owner, pg_has_role(datdba, 'USAGE') AS owns \
           FROM pg_database WHERE datname = current_database()";
    let row = inside.query_one(sql, &[]).await?;
    if !row.get::<_, bool>("owns") {
        let mend = format!("log in as {}", row.get::<_, &str>("owner"));
        return Err(TenantError::NotAllowed { login: row.get("login"), action: "say who may connect", mend });
    }
    let logins = "SELECT t.role::text AS role FROM vaultstream.tenants t JOIN pg_roles r ON r.rolname = t.role";
    for login in inside.query(logins, &[]).await? {
        let_connect(&inside, login.get("role")).await?;
    }
    inside.batch(&format!("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", row.get::<_, &str>("database"))).await?;
    tx.commit().await.map_err(failed)?;
    Ok(())
}
