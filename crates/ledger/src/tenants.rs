//! Tenants: the login of each namespace, made and removed with a DBA's rights. The SQL is in migrations/V14__tenants.sql.

use std::time::SystemTime;

use crate::class::Class;
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::queries::Queries;
use crate::source::quoted;

/// The longest name that Postgres keeps, in bytes.
const MAX_NAME_BYTES: usize = 63;

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

/// Why tenants cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// The session's login lacks a right. Nothing was changed.
    #[error("{login} may not {action}: {mend}")]
    NotAllowed {
        /// The login, as SQL writes it.
        login: String,
        /// What it may not do.
        action: &'static str,
        /// The statement that permits it, or who may do it.
        mend: String,
    },
    /// The namespace has a login.
    #[error(
        "the namespace {namespace} has the login {role} already: `vaultstream tenant secret {namespace}` gives it another password"
    )]
    Exists {
        /// The namespace.
        namespace: String,
        /// Its login.
        role: String,
    },
    /// The role is there, and may have rights that a tenant must not have.
    #[error("there is a role {role} on this server already: choose another name with --role")]
    RoleTaken {
        /// The role.
        role: String,
    },
    /// The name is too long or empty.
    #[error("{role:?} is no name for a role: it has to have 1 to {MAX_NAME_BYTES} bytes")]
    BadRole {
        /// The name.
        role: String,
    },
    /// The namespace has no login.
    #[error("the namespace {namespace} has no login in this ledger: `vaultstream tenant add {namespace}` makes one")]
    Unknown {
        /// The namespace.
        namespace: String,
    },
    /// Jobs of the tenant would stop.
    #[error(
        "the namespace {namespace} has {jobs} jobs that are not over, which would stop: delete them first, or say --force"
    )]
    LiveJobs {
        /// The namespace.
        namespace: String,
        /// How many.
        jobs: i64,
    },
    /// Postgres failed.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// What a worker's login reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The jobs of one namespace.
    Tenant {
        /// The cluster.
        cluster: String,
        /// The namespace.
        namespace: String,
    },
    /// The jobs of every namespace: the ledger's owner, or a login of before there were tenants.
    Everything,
}

/// What the session's login reaches; `None` when it is no worker's login of this ledger.
///
/// # Errors
///
/// When Postgres fails.
pub async fn reach(ledger: &Ledger) -> Result<Option<Reach>, QueryError> {
    const ACTION: &str = "read what the login may do";
    let own = match ledger.query_opt(ACTION, "SELECT cluster, namespace FROM vaultstream.tenant_of_login()", &[]).await
    {
        Ok(own) => own,
        Err(error) if error.class() == Class::NoPermission => return Ok(None),
        Err(error) => return Err(error),
    };
    if let Some(row) = own {
        return Ok(Some(Reach::Tenant { cluster: row.get("cluster"), namespace: row.get("namespace") }));
    }
    let all = ledger.query_one(ACTION, "SELECT vaultstream.works_on_all() AS everything", &[]).await?;
    Ok(all.get::<_, bool>("everything").then_some(Reach::Everything))
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
    let owner = check_rights(&inside).await?;
    let there = "SELECT role::text AS role FROM vaultstream.tenants WHERE (cluster, namespace) = ($1, $2)";
    if let Some(row) = inside.query_opt(there, &[&cluster, &namespace]).await? {
        return Err(TenantError::Exists { namespace: namespace.to_owned(), role: row.get("role") });
    }
    if inside.query_opt("SELECT FROM pg_roles WHERE rolname = $1", &[&role]).await?.is_some() {
        return Err(TenantError::RoleTaken { role: role.to_owned() });
    }
    make_login(&inside, role, password, "vaultstream_tenant").await?;
    if let Some(owner) = owner {
        // So that the owner may end the login's frozen sessions. Since 16 its maker does not have its rights by itself.
        inside.batch(&format!("GRANT {} TO {owner}", quoted(role))).await?;
    }
    inside.execute("SELECT vaultstream.add_tenant($1::text::name, $2, $3)", &[&role, &cluster, &namespace]).await?;
    tx.commit().await.map_err(failed)?;
    Ok(())
}

/// Makes a login that reads everything but wrapped private keys and changes nothing; or gives the one of that name this password, if it
/// is an auditor's.
///
/// # Errors
///
/// See [`TenantError`].
pub async fn add_auditor(ledger: &Ledger, role: &str, password: &str) -> Result<(), TenantError> {
    const ACTION: &str = "add the auditor";
    check_name(role)?;
    let mut client = ledger.client(ACTION).await?;
    let failed = |error| QueryError::new(ACTION, error);
    let tx = client.transaction().await.map_err(failed)?;
    let inside = Queries::over(tx.client(), ACTION);
    check_rights(&inside).await?;
    // Nothing but an auditor: no other membership, no superuser.
    let sql = "SELECT rolcanlogin AND NOT rolsuper AND NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid \
                AND m.roleid <> 'vaultstream_auditor'::regrole) AND pg_has_role(oid, 'vaultstream_auditor', 'MEMBER') AS audits \
           FROM pg_roles r WHERE rolname = $1";
    match inside.query_opt(sql, &[&role]).await? {
        Some(row) if row.get("audits") => change_password(&inside, role, password).await?,
        Some(_) => return Err(TenantError::RoleTaken { role: role.to_owned() }),
        None => make_login(&inside, role, password, "vaultstream_auditor").await?,
    }
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
    check_rights(&queries).await?;
    let sql = "SELECT role::text AS role FROM vaultstream.tenants WHERE (cluster, namespace) = ($1, $2)";
    let Some(row) = queries.query_opt(sql, &[&cluster, &namespace]).await? else {
        return Err(TenantError::Unknown { namespace: namespace.to_owned() });
    };
    let role: String = row.get("role");
    change_password(&queries, &role, password).await?;
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
    check_rights(&inside).await?;
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

/// Makes sure that the login may make roles and change the ledger. Returns the ledger's owner, as SQL writes it, unless it is a
/// superuser.
async fn check_rights(queries: &Queries<'_>) -> Result<Option<String>, TenantError> {
    let sql = "SELECT quote_ident(current_user) AS login, quote_ident(o.rolname) AS owner, o.rolsuper AS owner_is_superuser, \
                (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) AS makes_roles, \
                pg_has_role(o.oid, 'USAGE') AS owns, \
                EXISTS (SELECT FROM pg_roles WHERE rolname = 'vaultstream_tenant') AS group_is_there \
           FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner WHERE c.oid = 'vaultstream.jobs'::regclass";
    let row = queries.query_one(sql, &[]).await?;
    let (login, owner): (String, String) = (row.get("login"), row.get("owner"));
    if !row.get::<_, bool>("makes_roles") {
        let mend = format!("log in as an administrator, or ALTER ROLE {login} CREATEROLE;");
        return Err(TenantError::NotAllowed { login, action: "make logins", mend });
    }
    if !row.get::<_, bool>("owns") {
        let mend = format!("log in as {owner}, or GRANT {owner} TO {login};");
        return Err(TenantError::NotAllowed { login, action: "change the ledger's tenants", mend });
    }
    if !row.get::<_, bool>("group_is_there") {
        let mend = "CREATE ROLE vaultstream_tenant NOLOGIN; and run `vaultstream migrate` as the ledger's owner again"
            .to_owned();
        return Err(TenantError::NotAllowed { login, action: "grant rights that are not there", mend });
    }
    Ok((!row.get::<_, bool>("owner_is_superuser")).then_some(owner))
}

fn check_name(role: &str) -> Result<(), TenantError> {
    if role.is_empty() || role.len() > MAX_NAME_BYTES {
        return Err(TenantError::BadRole { role: role.to_owned() });
    }
    Ok(())
}

/// Makes a login with the rights of `group`, which may connect to this database even where PUBLIC may not.
async fn make_login(queries: &Queries<'_>, role: &str, password: &str, group: &str) -> Result<(), QueryError> {
    let (name, verifier) = (quoted(role), verifier(password));
    queries.batch(&format!("CREATE ROLE {name} LOGIN PASSWORD {verifier}; GRANT {group} TO {name}")).await?;
    let sql = "SELECT quote_ident(current_database()) AS database, \
         has_database_privilege($1::text::name, current_database(), 'CONNECT') AS connects";
    let row = queries.query_one(sql, &[&role]).await?;
    if !row.get::<_, bool>("connects") {
        queries.batch(&format!("GRANT CONNECT ON DATABASE {} TO {name}", row.get::<_, &str>("database"))).await?;
    }
    Ok(())
}

async fn change_password(queries: &Queries<'_>, role: &str, password: &str) -> Result<(), QueryError> {
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
    fn a_namespace_has_a_role_of_its_own_whatever_its_length() {
        assert_eq!(role_of("team-a"), "vs_team-a");
        let (one, other) = ("n".repeat(63), format!("{}m", "n".repeat(62)));
        assert_eq!((role_of(&one).len(), role_of(&other).len()), (MAX_NAME_BYTES, MAX_NAME_BYTES));
        assert_ne!(role_of(&one), role_of(&other));
        assert_eq!(role_of(&"n".repeat(60)).len(), MAX_NAME_BYTES);
    }

    #[test]
    fn a_password_is_not_sent_as_it_is() {
        let sent = verifier("secret'word");
        assert!(sent.starts_with("'SCRAM-SHA-256$4096:") && !sent.contains("secret"), "{sent}");
    }
}
