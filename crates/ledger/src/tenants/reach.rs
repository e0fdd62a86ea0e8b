//! What a worker's login reaches.

use crate::class::Class;
use crate::connection::Ledger;
use crate::error::QueryError;

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
