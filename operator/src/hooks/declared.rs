//! Logins that the owner's Secret declares: of namespaces, a line `NAMESPACE LOGIN PASSWORD` each under the key `tenants`; of the operator
//! and of an auditor, `LOGIN PASSWORD` under the keys `operator` and `auditor`. The development servers' are declared so.

use vaultstream_connection::ConnectionFolder;
use vaultstream_ledger::{
    Ledger,
    tenants::{self, TenantError},
};

use crate::tenant_login::TenantLogin;

/// The operator's key of the Secret.
pub(crate) const OPERATOR: &str = "operator";
/// The auditor's key of the Secret.
pub(crate) const AUDITOR: &str = "auditor";

/// Why a declared login was not made.
#[derive(Debug, thiserror::Error)]
pub enum DeclarationError {
    /// A line is none. It is not shown, because it may hold a password.
    #[error("line {line} of the key {key} of the owner's Secret is not {form}")]
    Malformed {
        /// The Secret's key.
        key: &'static str,
        /// Which line.
        line: usize,
        /// What it has to be.
        form: &'static str,
    },
    /// Other logins could not be kept out.
    #[error("failed to keep other logins out of the database")]
    Open(#[source] TenantError),
    /// The ledger refused it.
    #[error("failed to make the login {role}")]
    Login {
        /// The login.
        role: String,
        /// Why.
        #[source]
        source: TenantError,
    },
}

/// The logins that a Secret declares, of a database that belongs to the ledger alone.
pub(super) struct Declared {
    operator: Option<(String, String)>,
    auditor: Option<(String, String)>,
    tenants: Vec<TenantLogin>,
}

impl Declared {
    /// Reads them.
    pub(super) fn of(folder: &ConnectionFolder) -> Result<Self, DeclarationError> {
        let text = |key| folder.text(key).unwrap_or_default();
        Ok(Self {
            operator: login(OPERATOR, &text(OPERATOR))?,
            auditor: login(AUDITOR, &text(AUDITOR))?,
            tenants: parse(&text(TenantLogin::KEY))?,
        })
    }

    /// Whether there are logins of namespaces, which belong to a cluster.
    pub(super) fn has_tenants(&self) -> bool {
        !self.tenants.is_empty()
    }

    /// Makes those that are missing, gives the others the declared passwords, and lets no other login connect.
    pub(super) async fn make(&self, ledger: &Ledger, cluster: &str) -> Result<(), DeclarationError> {
        let failed = |role: &str| {
            let role = role.to_owned();
            move |source| DeclarationError::Login { role, source }
        };
        if let Some((role, password)) = &self.operator {
            tenants::add_operator(ledger, role, password).await.map_err(failed(role))?;
        }
        if let Some((role, password)) = &self.auditor {
            tenants::add_auditor(ledger, role, password).await.map_err(failed(role))?;
        }
        for tenant in &self.tenants {
            ensure(ledger, cluster, tenant).await.map_err(failed(&tenant.role))?;
        }
        if self.operator.is_some() {
            tenants::close_to_public(ledger).await.map_err(DeclarationError::Open)?;
        }
        Ok(())
    }
}

async fn ensure(ledger: &Ledger, cluster: &str, tenant: &TenantLogin) -> Result<(), TenantError> {
    let TenantLogin { namespace, role, password } = tenant;
    match tenants::add(ledger, cluster, namespace, role, password).await {
        Ok(()) => {
            tracing::info!(namespace, role, "made the login of a namespace");
            Ok(())
        }
        Err(TenantError::Exists { role: present, .. }) if present == *role => {
            tenants::set_password(ledger, cluster, namespace, password).await.map(drop)
        }
        Err(error) => Err(error),
    }
}

/// A login and its password; `None` for an empty text.
fn login(key: &'static str, text: &str) -> Result<Option<(String, String)>, DeclarationError> {
    match *text.split_whitespace().collect::<Vec<_>>() {
        [] => Ok(None),
        [role, password] => Ok(Some((role.to_owned(), password.to_owned()))),
        _ => Err(DeclarationError::Malformed { key, line: 1, form: "LOGIN PASSWORD" }),
    }
}

fn parse(text: &str) -> Result<Vec<TenantLogin>, DeclarationError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let malformed =
        |line| DeclarationError::Malformed { key: TenantLogin::KEY, line, form: "NAMESPACE LOGIN PASSWORD" };
    lines.map(|(number, line)| TenantLogin::parse(line).ok_or_else(|| malformed(number + 1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_declares_a_login() {
        let declared = parse("team-a vs_team-a secret\n\n  team-b vs_b other \n").unwrap();
        assert_eq!(declared[0].to_line(), "team-a vs_team-a secret\n");
        assert_eq!((declared.len(), declared[1].password.as_str()), (2, "other"));
        assert!(parse("").unwrap().is_empty());
        let error = parse("team-a vs_team-a secret\nteam-b vs_b").unwrap_err().to_string();
        assert!(error.starts_with("line 2 of the key tenants") && !error.contains("vs_b"), "{error}");
        assert_eq!(login(OPERATOR, "").unwrap(), None);
        assert_eq!(login(OPERATOR, " op secret\n").unwrap(), Some(("op".to_owned(), "secret".to_owned())));
        assert!(login(AUDITOR, "op").is_err());
    }
}
