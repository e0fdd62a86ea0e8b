//! Why logins cannot be made or changed.

use crate::error::QueryError;

/// The longest name that Postgres keeps, in bytes.
pub(super) const MAX_NAME_BYTES: usize = 63;

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
