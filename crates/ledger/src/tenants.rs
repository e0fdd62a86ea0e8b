//! Tenants: the login of each namespace, made and removed with a DBA's rights; and the logins of operator and auditors. The SQL is in
//! migrations/V14__tenants.sql.

mod connect;
mod error;
mod group;
mod login;
mod reach;

use std::time::SystemTime;

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::queries::Queries;
use crate::source::quoted;
use login::{change_password, check_name, check_rights, let_connect, make_login};

pub use connect::{close_to_public, open_to_public};
use error::MAX_NAME_BYTES;
pub use error::TenantError;
pub use group::{add_auditor, add_operator};
pub use reach::{Reach, reach};

/// The role that every tenant's login is a member of.
const TENANTS: &str = "vaultstream_tenant";

/// A namespace of a cluster, with its login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The login role.
    pub role: String,
    /// The cluster's identity in the ledger.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// When it was added.
    pub created_at: SystemTime,
    /// Its jobs that are not over.
    pub live_jobs: i64,
    /// Whether the role is there and may log in.
    pub may_log_in: bool,
}

/// The login's name unless another one is chosen: of the namespace, shortened where Postgres would cut it off.
#[must_use]
pub fn role_of(namespace: &str) -> String {
    let role = format!("vs_{namespace}");
    if role.len() <= MAX_NAME_BYTES {
        return role;
    }
    let digest = vaultstream_signing::merkle::to_hex(&vaultstream_signing::Digest::of(namespace.as_bytes()).0);
    let head: String = role.chars().take(MAX_NAME_BYTES - 9).collect();
    format!("{head}_{}", &digest[..8])
}

/// The clusters that have jobs in the ledger.
///
/// # Errors
///
/// When Postgres fails.
pub async fn clusters(ledger: &Ledger) -> Result<Vec<String>, QueryError> {
    let sql = "SELECT cluster FROM vaultstream.jobs UNION SELECT cluster FROM vaultstream.tenants ORDER BY 1";
    let rows = ledger.query("list the clusters of the ledger", sql, &[]).await?;
    Ok(rows.iter().map(|row| row.get("cluster")).collect())
}

/// All tenants, by cluster and namespace.
///
/// # Errors
///
/// When Postgres fails.
pub async fn list(ledger: &Ledger) -> Result<Vec<Tenant>, QueryError> {
    let sql = "SELECT t.role::text AS role, t.cluster, t.namespace, t.created_at, \
                coalesce((SELECT rolcanlogin FROM pg_roles WHERE rolname = t.role), false) AS may_log_in, \
                (SELECT count(*) FROM vaultstream.jobs j WHERE (j.cluster, j.namespace) = (t.cluster, t.namespace) AND j.live \
                    AND j.state NOT IN ('Complete', 'Failed')) AS live_jobs \
           FROM vaultstream.tenants t ORDER BY t.cluster, t.namespace";
    let rows = ledger.query("list the tenants", sql, &[]).await?;
    let tenants = rows.iter().map(|row| Tenant {
        role: row.get("role"),
        cluster: row.get("cluster"),
        namespace: row.get("namespace"),
        created_at: row.get("created_at"),
        live_jobs: row.get("live_jobs"),
        may_log_in: row.get("may_log_in"),
    });
    Ok(tenants.collect())
}

/// The logins that still have the rights of `vaultstream_worker` on every tenant's jobs, which ends once there is none.
///
/// # Errors
///
/// When Postgres fails.
pub async fn shared_logins(ledger: &Ledger) -> Result<Vec<String>, QueryError> {
    let ended = ledger.query_one("end the shared role", "SELECT vaultstream.end_shared_role() AS ended", &[]).await?;
    if ended.get("ended") {
        return Ok(Vec::new());
    }
    let sql = "SELECT l.rolname::text AS login FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid \
           JOIN pg_roles l ON l.oid = m.member WHERE r.rolname = 'vaultstream_worker' AND l.rolcanlogin \
            AND pg_has_role(l.oid, r.oid, 'USAGE') AND NOT l.rolsuper ORDER BY 1";
    let rows = ledger.query("list the members of the shared role", sql, &[]).await?;
    Ok(rows.iter().map(|row| row.get("login")).collect())
}

/// Makes the login of a namespace, with this password, and gives it the namespace's jobs. All or nothing.
///
/// # Errors
///
/// See [`TenantError`].
pub async fn add(
    ledger: &Ledger,
    cluster: &str,
    namespace: &str,
    role: &str,
    password: &str,
) -> Result<(), TenantError> {
    const ACTION: &str = "add the tenant";
    check_name(role)?;
    let mut client = ledger.client(ACTION).await?;
    let failed = |error| QueryError::new(ACTION, error);
    let tx = client.transaction().await.map_err(failed)?;
    let inside = Queries::over(tx.client(), ACTION);
    let owner = check_rights(&inside, TENANTS).await?;
    let there = "SELECT role::text AS role FROM vaultstream.tenants WHERE (cluster, namespace) = ($1, $2)";
    if let Some(row) = inside.query_opt(there, &[&cluster, &namespace]).await? {
        return Err(TenantError::Exists { namespace: namespace.to_owned(), role: row.get("role") });
    }
    if inside.query_opt("SELECT FROM pg_roles WHERE rolname = $1", &[&role]).await?.is_some() {
        return Err(TenantError::RoleTaken { role: role.to_owned() });
    }
    make_login(&inside, role, password, TENANTS).await?;
    if let Some(owner) = owner {
        // So that the owner may end the login's frozen sessions. Since 16 its maker does not have its rights by itself.
        inside.batch(&format!("GRANT {} TO {owner}", quoted(role))).await?;
    }
    inside.execute("SELECT vaultstream.add_tenant($1::text::name, $2, $3)", &[&role, &cluster, &namespace]).await?;
    tx.commit().await.map_err(failed)?;
    Ok(())
}

/// Gives the login of a namespace another password; sessions that are open stay. Returns the login.
///
/// # Errors
///
/// See [`TenantError`].
pub async fn set_password(
    ledger: &Ledger,
    cluster: &str,
    namespace: &str,
    password: &str,
) -> Result<String, TenantError> {
    const ACTION: &str = "change the tenant's password";
    let client = ledger.client(ACTION).await?;
    let queries = Queries::over(&client, ACTION);
    check_rights(&queries, TENANTS).await?;
    let sql = "SELECT role::text AS role FROM vaultstream.tenants WHERE (cluster, namespace) = ($1, $2)";
    let Some(row) = queries.query_opt(sql, &[&cluster, &namespace]).await? else {
        return Err(TenantError::Unknown { namespace: namespace.to_owned() });
    };
    let role: String = row.get("role");
    change_password(&queries, &role, password).await?;
    let_connect(&queries, &role).await?;
    Ok(role)
}

/// Removes a tenant: ends its login's sessions, and drops the login. Its jobs stay in the ledger. Returns the login.
///
/// # Errors
///
/// See [`TenantError`]; `LiveJobs` only without `force`.
pub async fn remove(ledger: &Ledger, cluster: &str, namespace: &str, force: bool) -> Result<String, TenantError> {
    const ACTION: &str = "remove the tenant";
    let mut client = ledger.client(ACTION).await?;
    let failed = |error| QueryError::new(ACTION, error);
    let tx = client.transaction().await.map_err(failed)?;
    let inside = Queries::over(tx.client(), ACTION);
    check_rights(&inside, TENANTS).await?;
    let sql = "SELECT count(*) AS jobs FROM vaultstream.jobs WHERE (cluster, namespace) = ($1, $2) AND live \
         AND state NOT IN ('Complete', 'Failed')";
    let jobs: i64 = inside.query_one(sql, &[&cluster, &namespace]).await?.get("jobs");
    if jobs > 0 && !force {
        return Err(TenantError::LiveJobs { namespace: namespace.to_owned(), jobs });
    }
    let sql = "SELECT vaultstream.remove_tenant($1, $2)::text AS role";
    let Some(role) = inside.query_one(sql, &[&cluster, &namespace]).await?.get::<_, Option<String>>("role") else {
        return Err(TenantError::Unknown { namespace: namespace.to_owned() });
    };
    if inside.query_opt("SELECT FROM pg_roles WHERE rolname = $1", &[&role]).await?.is_some() {
        let name = quoted(&role);
        inside.batch(&format!("ALTER ROLE {name} NOLOGIN")).await?;
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = $1::text::name";
        inside.execute(sql, &[&role]).await?;
        let database: String =
            inside.query_one("SELECT quote_ident(current_database()) AS name", &[]).await?.get("name");
        inside.batch(&format!("REVOKE ALL ON DATABASE {database} FROM {name}; DROP ROLE {name}")).await?;
    }
    tx.commit().await.map_err(failed)?;
    Ok(role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_has_a_role_of_its_own_whatever_its_length() {
        assert_eq!(role_of("team-a"), "vs_team-a");
        let (one, other) = ("n".repeat(63), format!("{}m", "n".repeat(62)));
        assert_eq!((role_of(&one).len(), role_of(&other).len()), (MAX_NAME_BYTES, MAX_NAME_BYTES));
        assert_ne!(role_of(&one), role_of(&other));
        assert_eq!(role_of(&"n".repeat(60)).len(), MAX_NAME_BYTES);
    }
}
