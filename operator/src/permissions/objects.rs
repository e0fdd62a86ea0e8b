//! The objects that grant the rules.

use k8s_openapi::api::{
    core::v1::ServiceAccount,
    rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject},
};
use kube::api::ObjectMeta;

use super::{
    names::OPERATOR,
    rules::{cluster, jobs, metrics_reader, own, own_certificate, own_name},
};

/// In the namespaces that are served.
const JOBS: &str = "vaultstream-operator-jobs";
const METRICS_READER: &str = "vaultstream-external-metrics-reader";
/// Kubernetes' own Role for servers of an aggregated API, in kube-system.
const AUTHENTICATION_READER: &str = "extension-apiserver-authentication-reader";

/// Everything that grants the operator its rights.
#[derive(Clone, Debug, PartialEq)]
pub struct Permissions {
    /// Who the operator is.
    pub service_account: ServiceAccount,
    /// Empty for an operator that is limited to namespaces.
    pub cluster_roles: Vec<ClusterRole>,
    /// Empty for an operator that is limited to namespaces.
    pub cluster_role_bindings: Vec<ClusterRoleBinding>,
    /// In its own namespace, and in those that it serves.
    pub roles: Vec<Role>,
    /// For the roles, and for a cluster-wide operator in kube-system.
    pub role_bindings: Vec<RoleBinding>,
}

/// For an operator in `namespace` that serves all namespaces.
#[must_use]
pub fn cluster_wide(namespace: &str) -> Permissions {
    let mut rules = jobs();
    rules.extend(cluster(namespace));
    let mut here = own();
    here.extend(own_certificate());
    let hpa_controller = Subject {
        kind: "ServiceAccount".to_owned(),
        name: "horizontal-pod-autoscaler".to_owned(),
        namespace: Some("kube-system".to_owned()),
        ..Subject::default()
    };
    Permissions {
        service_account: service_account(namespace),
        cluster_roles: vec![cluster_role(OPERATOR, rules), cluster_role(METRICS_READER, metrics_reader())],
        cluster_role_bindings: vec![
            cluster_role_binding(OPERATOR, operator(namespace)),
            cluster_role_binding(METRICS_READER, hpa_controller),
        ],
        roles: vec![role(namespace, OPERATOR, here)],
        role_bindings: vec![
            role_binding(namespace, OPERATOR, OPERATOR, operator(namespace)),
            // The authority of the front proxy, by which callers of the metrics API are authenticated.
            role_binding(
                "kube-system",
                "vaultstream-operator-authentication-reader",
                AUTHENTICATION_READER,
                operator(namespace),
            ),
        ],
    }
}

/// For an operator in `namespace` that serves `namespaces`. It has no rights outside of namespaces.
#[must_use]
pub fn namespaced(namespace: &str, namespaces: &[String]) -> Permissions {
    let mut here = own();
    here.extend(own_name(namespace));
    let mut roles = vec![role(namespace, OPERATOR, here)];
    let mut role_bindings = vec![role_binding(namespace, OPERATOR, OPERATOR, operator(namespace))];
    for served in namespaces {
        roles.push(role(served, JOBS, jobs()));
        role_bindings.push(role_binding(served, JOBS, JOBS, operator(namespace)));
    }
    Permissions {
        service_account: service_account(namespace),
        cluster_roles: Vec::new(),
        cluster_role_bindings: Vec::new(),
        roles,
        role_bindings,
    }
}

fn service_account(namespace: &str) -> ServiceAccount {
    ServiceAccount { metadata: metadata(Some(namespace), OPERATOR), ..ServiceAccount::default() }
}

fn operator(namespace: &str) -> Subject {
    Subject {
        kind: "ServiceAccount".to_owned(),
        name: OPERATOR.to_owned(),
        namespace: Some(namespace.to_owned()),
        ..Subject::default()
    }
}

fn cluster_role(name: &str, rules: Vec<PolicyRule>) -> ClusterRole {
    ClusterRole { metadata: metadata(None, name), rules: Some(rules), aggregation_rule: None }
}

fn cluster_role_binding(name: &str, subject: Subject) -> ClusterRoleBinding {
    ClusterRoleBinding {
        metadata: metadata(None, name),
        role_ref: reference("ClusterRole", name),
        subjects: Some(vec![subject]),
    }
}

fn role(namespace: &str, name: &str, rules: Vec<PolicyRule>) -> Role {
    Role { metadata: metadata(Some(namespace), name), rules: Some(rules) }
}

fn role_binding(namespace: &str, name: &str, role: &str, subject: Subject) -> RoleBinding {
    RoleBinding {
        metadata: metadata(Some(namespace), name),
        role_ref: reference("Role", role),
        subjects: Some(vec![subject]),
    }
}

fn reference(kind: &str, name: &str) -> RoleRef {
    RoleRef { api_group: Some("rbac.authorization.k8s.io".to_owned()), kind: kind.to_owned(), name: name.to_owned() }
}

fn metadata(namespace: Option<&str>, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: namespace.map(str::to_owned),
        labels: Some([("app.kubernetes.io/part-of".to_owned(), "vaultstream".to_owned())].into()),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_limited_to_namespaces_has_nothing_outside_of_them() {
        let granted = namespaced("vaultstream", &["a".to_owned(), "b".to_owned()]);
        assert!(granted.cluster_roles.is_empty() && granted.cluster_role_bindings.is_empty());
        let mut places: Vec<_> = granted.roles.iter().filter_map(|role| role.metadata.namespace.as_deref()).collect();
        places.sort_unstable();
        assert_eq!(places, ["a", "b", "vaultstream"]);
    }

    #[test]
    fn every_binding_names_a_role_that_exists() {
        for granted in [cluster_wide("vaultstream"), namespaced("vaultstream", &["a".to_owned()])] {
            for binding in &granted.cluster_role_bindings {
                assert!(
                    granted
                        .cluster_roles
                        .iter()
                        .any(|role| role.metadata.name.as_ref() == Some(&binding.role_ref.name))
                );
            }
            for binding in &granted.role_bindings {
                let here = &binding.metadata.namespace;
                let there = granted.roles.iter().any(|role| {
                    role.metadata.name.as_ref() == Some(&binding.role_ref.name) && role.metadata.namespace == *here
                });
                assert!(there || binding.role_ref.name == AUTHENTICATION_READER);
            }
        }
    }
}
