//! The users of the development NATS: the operator, and one for each namespace. Each has the permissions that
//! `vaultstream tenant add --nats-user-file` prints, and no other.
//!
//! ```text
//! Secret vaultstream-dev ─▶ DevNatsUsers::of ─▶ configuration   (nats.conf)
//!                                             └▶ logins          (NATS_URL of each connection Secret)
//! ```

use std::collections::BTreeSet;

use uuid::Uuid;
use vaultstream_streams::{NatsPermissions, NatsUser, Tenant};

use crate::tenant_login::TenantLogin;

/// The operator's user.
const OPERATOR: &str = "operator";

/// The users, with their passwords.
pub struct DevNatsUsers {
    operator_password: String,
    /// Of the namespaces that are served now.
    served: Vec<TenantLogin>,
    /// A line for each namespace that is or was served.
    declared: String,
    /// Namespaces with jobs that began before there were users.
    unconfined: BTreeSet<String>,
}

impl DevNatsUsers {
    /// The users that are known, and new ones for the operator and for namespaces that have none yet.
    pub fn of(operator_password: Option<&str>, declared: &str, namespaces: &[&str]) -> Self {
        let (served, declared) = TenantLogin::declare(declared, namespaces);
        let operator_password =
            operator_password.map_or_else(|| Uuid::new_v4().simple().to_string(), ToOwned::to_owned);
        Self { operator_password, served, declared, unconfined: BTreeSet::new() }
    }

    /// Leaves the namespace's user, and the operator, all that jobs needed which began before there were users: their streams have names
    /// without a tenant, and their workers are of an earlier version.
    pub fn leave_unconfined(&mut self, namespace: &str) {
        self.unconfined.insert(namespace.to_owned());
    }

    pub(crate) fn operator_password(&self) -> &str {
        &self.operator_password
    }

    pub(crate) fn declared(&self) -> &str {
        &self.declared
    }

    /// The unconfined namespaces, a line each.
    pub(crate) fn unconfined(&self) -> String {
        self.unconfined.iter().map(|namespace| format!("{namespace}\n")).collect()
    }

    /// User and password of the operator, as a URL has them.
    pub fn operator_login(&self) -> String {
        format!("{OPERATOR}:{}", self.operator_password)
    }

    /// User and password of the workers of a namespace that is served.
    pub fn worker_login(&self, namespace: &str) -> Option<String> {
        self.served.iter().find(|login| login.namespace == namespace).map(TenantLogin::in_url)
    }

    /// The server's configuration, where the ledger knows the cluster by this name.
    pub fn configuration(&self, cluster: &str) -> String {
        let of_operator = self.permissions(&NatsUser::Operator, !self.unconfined.is_empty());
        let mut users = vec![of_operator.user_block(OPERATOR, &self.operator_password)];
        for login in TenantLogin::parse_all(&self.declared) {
            let user = NatsUser::Worker(Tenant::new(cluster, &login.namespace));
            let permissions = self.permissions(&user, self.unconfined.contains(&login.namespace));
            users.push(permissions.user_block(&login.role, &login.password));
        }
        format!(
            "port: 4222\njetstream {{ store_dir: /data/jetstream }}\nmax_payload: 1MB\nauthorization {{ users: [\n{}\n] }}\n",
            users.join(",\n")
        )
    }

    fn permissions(&self, user: &NatsUser, is_unconfined: bool) -> NatsPermissions {
        let least = NatsPermissions::of(user);
        if is_unconfined { least.with_those_of_earlier_versions() } else { least }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_kept_and_each_namespace_has_one_of_its_own() {
        let first = DevNatsUsers::of(None, "", &["home", "team"]);
        let again = DevNatsUsers::of(Some(first.operator_password()), first.declared(), &["home", "team"]);
        assert_eq!(again.configuration("c"), first.configuration("c"));
        assert_ne!(first.worker_login("home"), first.worker_login("team"));
        assert_eq!(first.worker_login("other"), None);
        // Its jobs continue.
        let left = DevNatsUsers::of(Some(first.operator_password()), first.declared(), &["home"]);
        assert_eq!(left.configuration("c"), first.configuration("c"));
    }

    #[test]
    fn only_a_namespace_with_jobs_of_before_has_a_user_without_limits() {
        let mut users = DevNatsUsers::of(None, "", &["home", "team"]);
        assert!(!users.configuration("c").contains("$JS.API.>"));
        users.leave_unconfined("team");
        let text = users.configuration("c");
        let blocks: Vec<bool> = text.split("user:").skip(1).map(|block| block.contains("$JS.API.>")).collect();
        assert_eq!(blocks, [true, false, true], "operator, home, team");
        assert_eq!(users.unconfined(), "team\n");
    }
}
