//! What people may do with SigningJobs: added to the roles `view`, `edit` and `admin` that every cluster has.

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use kube::api::ObjectMeta;

use super::rules::{GROUP, rule};

/// Roles that Kubernetes aggregates: users who may view a namespace see its SigningJobs, users who may edit it create them.
#[must_use]
pub fn user_roles() -> [ClusterRole; 2] {
    let view = || {
        vec![rule(GROUP, &["signingjobs"], &["get", "list", "watch"]), rule(GROUP, &["signingjobs/status"], &["get"])]
    };
    let mut edit = view();
    edit.push(rule(GROUP, &["signingjobs"], &["create", "update", "patch", "delete", "deletecollection"]));
    // admin takes what edit has, and edit what view has; both labels are spelt out as in Kubernetes' own roles.
    [
        aggregated("vaultstream-view", &["view", "edit", "admin"], view()),
        aggregated("vaultstream-edit", &["edit", "admin"], edit),
    ]
}

fn aggregated(name: &str, to: &[&str], rules: Vec<PolicyRule>) -> ClusterRole {
    let label = |role: &&str| (format!("rbac.authorization.k8s.io/aggregate-to-{role}"), "true".to_owned());
    let labels: BTreeMap<String, String> = to.iter().map(label).collect();
    ClusterRole {
        metadata: ObjectMeta { name: Some(name.to_owned()), labels: Some(labels), ..ObjectMeta::default() },
        rules: Some(rules),
        aggregation_rule: None,
    }
}
