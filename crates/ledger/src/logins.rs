//! The logins of running programs: refused when they may too much, or too little, with what mends it.

use crate::connection::Ledger;
use crate::error::QueryError;

/// A running program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramKind {
    /// Drives jobs.
    Operator,
    /// Signs.
    Worker,
}

impl ProgramKind {
    /// What makes a login for it, as the ledger's owner.
    fn remedy(self) -> &'static str {
        match self {
            Self::Operator => {
                "`vaultstream migrate` and `vaultstream tenant operator NAMESPACE`, run with this login, make one for the operator and \
                 print its Secret"
            }
            Self::Worker => {
                "`vaultstream tenant add NAMESPACE`, run with this login, makes one for the workers of a namespace and prints their Secret"
            }
        }
    }
}

/// Why a program does not run under its login.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The login owns the ledger or the server, so that its program could do everything to every job.
    #[error("the login {login} {} in {place}, which no running program may do: {}; or start it with --allow-owner", .power, .program.remedy())]
    Owner {
        /// The login, as SQL writes it.
        login: String,
        /// Host and database.
        place: String,
        /// What it may do.
        power: &'static str,
        /// Which program.
        program: ProgramKind,
    },
    /// The login may not drive jobs.
    #[error("the login {login} may not drive jobs in {place}: {mend}")]
    MayNotDrive {
        /// The login, as SQL writes it.
        login: String,
        /// Host and database.
        place: String,
        /// What permits it.
        mend: String,
    },
    /// Postgres failed.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// What the session's login is to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// It owns the ledger, or everything on the server.
    Owner,
    /// It owns nothing.
    None,
}

const ACTION: &str = "read what the login may do";

/// What the session's login owns. Refuses an owner's, unless `allow_owner`. The database need not hold a ledger.
///
/// # Errors
///
/// See [`LoginError`].
pub async fn check_ownership(
    ledger: &Ledger,
    program: ProgramKind,
    allow_owner: bool,
) -> Result<Ownership, LoginError> {
    let sql = "SELECT quote_ident(session_user) AS login, rolsuper AS is_superuser, \
           EXISTS (SELECT FROM pg_namespace WHERE nspname = 'vaultstream' AND pg_has_role(session_user, nspowner, 'MEMBER')) AS owns \
           FROM pg_roles WHERE rolname = session_user";
    let row = ledger.query_one(ACTION, sql, &[]).await?;
    let power = match (row.get("is_superuser"), row.get("owns")) {
        (true, _) => "is a superuser",
        (false, true) => "owns the ledger",
        (false, false) => return Ok(Ownership::None),
    };
    if allow_owner {
        return Ok(Ownership::Owner);
    }
    Err(LoginError::Owner { login: row.get("login"), place: ledger.place().to_owned(), power, program })
}

/// Makes sure that the session's login, which owns nothing, may drive jobs. Accepts every login where there is no ledger.
///
/// # Errors
///
/// See [`LoginError`].
pub async fn check_driver(ledger: &Ledger) -> Result<(), LoginError> {
    let sql = "SELECT quote_ident(session_user) AS login, quote_ident(pg_get_userbyid(n.nspowner)) AS owner, g.oid IS NOT NULL AS is_made, \
                coalesce(pg_has_role(session_user, g.oid, 'USAGE'), false) AS drives \
           FROM pg_namespace n LEFT JOIN pg_roles g ON g.rolname = 'vaultstream_operator' WHERE n.nspname = 'vaultstream'";
    let Some(row) = ledger.query_opt(ACTION, sql, &[]).await? else { return Ok(()) };
    if row.get("drives") {
        return Ok(());
    }
    let (login, owner): (String, String) = (row.get("login"), row.get("owner"));
    let mend = if row.get("is_made") {
        format!("GRANT vaultstream_operator TO {login};")
    } else {
        format!("run `vaultstream migrate` as {owner}, then GRANT vaultstream_operator TO {login};")
    };
    Err(LoginError::MayNotDrive { login, place: ledger.place().to_owned(), mend })
}
