//! Tenants that the operator's own connection Secret declares, under the key `tenants`: `NAMESPACE LOGIN PASSWORD`, a line each. The
//! leader makes their logins, once the ledger is there and whenever the Secret changes; and that of an auditor, under the key `auditor`:
//! `LOGIN PASSWORD`. The development servers' are declared so.

use std::time::Duration;

use vaultstream_connection::ConnectionFolder;
use vaultstream_ledger::{
    Ledger,
    tenants::{self, TenantError},
};
use vaultstream_program::chain;

use crate::{dependencies::Dependencies, tenant_login::TenantLogin};

/// The auditor's key of the Secret. Like the other one it is optional.
const AUDITOR: &str = "auditor";
/// How often a login is tried that could not be made, and a ledger that was not there.
const RETRY_INTERVAL: Duration = Duration::from_secs(3);

/// Makes the declared logins until it is dropped.
pub(super) async fn keep(dependencies: &Dependencies, folder: &ConnectionFolder, cluster: &str) {
    loop {
        let seen = folder.fingerprint();
        let [declared, auditor] = [TenantLogin::KEY, AUDITOR].map(|key| folder.text(key).unwrap_or_default());
        while !make(dependencies, &declared, cluster).await || !make_auditor(dependencies, &auditor).await {
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
        folder.changed(seen).await;
    }
}

/// False when it has to be tried again.
async fn make(dependencies: &Dependencies, text: &str, cluster: &str) -> bool {
    let declared = match parse(text) {
        Ok(declared) => declared,
        Err(line) => {
            // Never the line itself: it may hold a password.
            tracing::error!(
                line,
                "the key tenants of the connection Secret needs NAMESPACE LOGIN PASSWORD in each line"
            );
            return true;
        }
    };
    if declared.is_empty() {
        return true;
    }
    let Ok(ledger) = dependencies.ledger() else { return false };
    let mut done = true;
    for tenant in declared {
        if let Err(error) = ensure(&ledger, cluster, &tenant).await {
            tracing::warn!(
                namespace = tenant.namespace,
                error = chain(&error),
                "the login of a namespace cannot be made"
            );
            done &= !matches!(&error, TenantError::Query(error) if error.is_transient());
        }
    }
    done
}

/// False when it has to be tried again.
async fn make_auditor(dependencies: &Dependencies, text: &str) -> bool {
    let [role, password] = *text.split_whitespace().collect::<Vec<_>>() else {
        if !text.is_empty() {
            tracing::error!("the key auditor of the connection Secret needs LOGIN PASSWORD");
        }
        return true;
    };
    let Ok(ledger) = dependencies.ledger() else { return false };
    let Err(error) = tenants::add_auditor(&ledger, role, password).await else { return true };
    tracing::warn!(error = chain(&error), "the auditor's login cannot be made");
    !matches!(&error, TenantError::Query(error) if error.is_transient())
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

/// The declarations, or the number of the first line that is none.
fn parse(text: &str) -> Result<Vec<TenantLogin>, usize> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(number, line)| TenantLogin::parse(line).ok_or(number + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_declares_a_tenant() {
        let declared = parse("team-a vs_team-a secret\n\n  team-b vs_b other \n").unwrap();
        assert_eq!(declared[0].to_line(), "team-a vs_team-a secret\n");
        assert_eq!((declared.len(), declared[1].password.as_str()), (2, "other"));
        assert_eq!(parse(""), Ok(Vec::new()));
        assert_eq!(parse("team-a vs_team-a secret\nteam-b vs_b"), Err(2));
    }
}
