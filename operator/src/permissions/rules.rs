//! The rules, by where they apply.

use k8s_openapi::api::rbac::v1::PolicyRule;

use super::names::{METRICS_API, METRICS_SECRET, OPERATOR};

/// The API group of SigningJobs.
pub(super) const GROUP: &str = "vaultstream.dev";

/// What it does in a namespace that it serves.
#[must_use]
pub fn jobs() -> Vec<PolicyRule> {
    vec![
        // It watches them, reads one before the sweep removes what it left, sets and removes the finalizer, and deletes those
        // whose time to live is over.
        rule(GROUP, &["signingjobs"], &["get", "list", "watch", "patch", "delete"]),
        rule(GROUP, &["signingjobs/status"], &["patch"]),
        // Children name their job as a blocking owner. Some clusters demand this right for that.
        rule(GROUP, &["signingjobs/finalizers"], &["update"]),
        // The workers: applied, watched, and removed when the job is suspended or over.
        rule("apps", &["deployments"], &["list", "watch", "create", "patch", "delete"]),
        // Their number, in the mode Direct and at both ends of the others.
        rule("apps", &["deployments/scale"], &["patch"]),
        // Their budget, likewise.
        rule("policy", &["poddisruptionbudgets"], &["list", "watch", "create", "patch", "delete"]),
        // The scalers. Autoscalers are watched. A ScaledObject is read until KEDA has released it, because without KEDA there
        // is no such type to watch.
        rule("autoscaling", &["horizontalpodautoscalers"], &["list", "watch", "create", "patch", "delete"]),
        rule("keda.sh", &["scaledobjects"], &["get", "create", "patch", "delete"]),
        // The certificates of receipts, when a spec names an issuer of cert-manager. What came to nothing is deleted and made again.
        rule("cert-manager.io", &["certificaterequests"], &["get", "create", "delete"]),
        // Why a worker does not run is in its pod's status.
        rule("", &["pods"], &["list", "watch"]),
        events(),
    ]
}

/// What it does in its own namespace, wherever it is installed.
#[must_use]
pub fn own() -> Vec<PolicyRule> {
    vec![
        // The election. `create` cannot be limited to a name.
        rule("coordination.k8s.io", &["leases"], &["create"]),
        named("coordination.k8s.io", &["leases"], &["get", "update"], &[OPERATOR]),
        // Before a removal it ends itself.
        named("apps", &["deployments/scale"], &["patch"], &[OPERATOR]),
        // What a deleted job left is announced here, too: its own namespace may be being deleted.
        events(),
    ]
}

/// What a cluster-wide operator does in its own namespace besides: all replicas serve the metrics API with one certificate.
#[must_use]
pub fn own_certificate() -> Vec<PolicyRule> {
    // The release makes it, empty: the right to create Secrets could not be limited to a name, and would yield a token of any
    // ServiceAccount of the namespace.
    vec![named("", &["secrets"], &["get", "update"], &[METRICS_SECRET])]
}

/// What an operator that is limited to namespaces reads of its own one: the uid names this installation in the ledger.
#[must_use]
pub fn own_name(namespace: &str) -> Vec<PolicyRule> {
    vec![named("", &["namespaces"], &["get"], &[namespace])]
}

/// What only a cluster-wide operator does, on objects that are in no namespace.
#[must_use]
pub fn cluster(namespace: &str) -> Vec<PolicyRule> {
    vec![
        // The uid of kube-system names this cluster in the ledger.
        named("", &["namespaces"], &["get"], &["kube-system", namespace]),
        // The owner of the metrics API: the leader registers it where nothing else has, gives it the authority of our certificate, and removes
        // what it has registered. By server-side apply the right to create can be limited to a name.
        named("apiregistration.k8s.io", &["apiservices"], &["get", "create", "patch", "delete"], &[METRICS_API]),
        // Whether a caller of the metrics API may read it.
        rule("authorization.k8s.io", &["subjectaccessreviews"], &["create"]),
    ]
}

/// What the controller of HorizontalPodAutoscalers needs to read our metrics. Kubernetes does not grant it by itself.
#[must_use]
pub fn metrics_reader() -> Vec<PolicyRule> {
    vec![rule("external.metrics.k8s.io", &["*"], &["get", "list"])]
}

/// An Event that repeats is patched into a series.
fn events() -> PolicyRule {
    rule("events.k8s.io", &["events"], &["create", "patch"])
}

pub(super) fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

fn named(group: &str, resources: &[&str], verbs: &[&str], names: &[&str]) -> PolicyRule {
    PolicyRule { resource_names: Some(owned(names)), ..rule(group, resources, verbs) }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<PolicyRule> {
        let mut rules = jobs();
        rules.extend(own());
        rules.extend(own_certificate());
        rules.extend(own_name("here"));
        rules.extend(cluster("here"));
        rules
    }

    #[test]
    fn no_rule_has_a_wildcard() {
        for rule in all() {
            let words = rule.api_groups.iter().chain(&rule.resources).flatten().chain(&rule.verbs);
            assert!(words.into_iter().all(|word| !word.contains('*')), "{rule:?}");
        }
    }

    #[test]
    fn one_secret_is_read_and_updated_and_none_is_created() {
        let secrets = all().into_iter().filter(|rule| rule.resources.iter().flatten().any(|what| what == "secrets"));
        for rule in secrets {
            assert_eq!(rule.resource_names.unwrap(), [METRICS_SECRET]);
            assert_eq!(rule.verbs, ["get", "update"]);
        }
    }

    #[test]
    fn nothing_that_would_lead_to_more_rights_is_granted() {
        let dangerous = [
            "pods/exec",
            "pods/attach",
            "pods/portforward",
            "pods/ephemeralcontainers",
            "nodes",
            "nodes/proxy",
            "roles",
            "rolebindings",
            "clusterroles",
            "clusterrolebindings",
            "serviceaccounts/token",
            "mutatingwebhookconfigurations",
            "validatingwebhookconfigurations",
            "certificatesigningrequests",
        ];
        for rule in all() {
            assert!(rule.resources.iter().flatten().all(|what| !dangerous.contains(&what.as_str())), "{rule:?}");
            let escalating = ["impersonate", "bind", "escalate", "deletecollection"];
            assert!(rule.verbs.iter().all(|verb| !escalating.contains(&verb.as_str())), "{rule:?}");
        }
    }
}
