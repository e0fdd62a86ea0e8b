//! Logins that reach the jobs of all namespaces, as members of one group each: the operator's, and auditors'.

use super::error::TenantError;
use super::login::{change_password, check_name, check_rights, let_connect, make_login};
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::queries::Queries;

/// Makes a login that reads everything but wrapped private keys and changes nothing; or gives the one of that name this password, if it
/// is an auditor's.
///
/// # Errors
///
/// See [`TenantError`].
pub async fn add_auditor(ledger: &Ledger, role: &str, password: &str) -> Result<(), TenantError> {
    add(ledger, "add the auditor", "vaultstream_auditor", role, password).await
}

/// Makes the operator's login, which drives the jobs of all namespaces, and reads no payload and no wrapped private key; or gives the one
/// of that name this password, if it is an operator's.
///
/// # Errors
///
/// See [`TenantError`].
pub async fn add_operator(ledger: &Ledger, role: &str, password: &str) -> Result<(), TenantError> {
    add(ledger, "add the operator", "vaultstream_operator", role, password).await
}

async fn add(ledger: &Ledger, action: &str, group: &str, role: &str, password: &str) -> Result<(), TenantError> {
    check_name(role)?;
    let mut client = ledger.client(action).await?;
    let failed = |error| QueryError::new(action, error);
    let tx = client.transaction().await.map_err(failed)?;
    let inside = Queries::over(tx.client(), action);
    check_rights(&inside, group).await?;
    // A member of this group and nothing else: no other membership, no superuser.
    let sql = "SELECT rolcanlogin AND NOT rolsuper AND NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid \
                AND m.roleid <> $2::text::regrole) AND pg_has_role(oid, $2::text::regrole, 'MEMBER') AS belongs \
           FROM pg_roles r WHERE rolname = $1";
    match inside.query_opt(sql, &[&role, &group]).await? {
        Some(row) if row.get("belongs") => {
            change_password(&inside, role, password).await?;
            let_connect(&inside, role).await?;
        }
        Some(_) => return Err(TenantError::RoleTaken { role: role.to_owned() }),
        None => make_login(&inside, role, password, group).await?,
    }
    tx.commit().await.map_err(failed)?;
    Ok(())
}
