//! What a SigningJob says of its workers, over the defaults of all workers.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::EnvVar;
use vaultstream_api::WorkerTemplate;

/// Maps and variables are merged by their keys; anything else that the job gives replaces the default.
pub(super) fn over_defaults(defaults: &WorkerTemplate, own: WorkerTemplate) -> WorkerTemplate {
    let env = defaults.env.iter().filter(|default| own.env.iter().all(|literal| literal.name != default.name));
    WorkerTemplate {
        env: env.cloned().chain(own.env.iter().cloned()).collect(),
        labels: merged(&defaults.labels, own.labels),
        annotations: merged(&defaults.annotations, own.annotations),
        node_selector: merged(&defaults.node_selector, own.node_selector),
        resources: own.resources.or_else(|| defaults.resources.clone()),
        tolerations: given(own.tolerations, &defaults.tolerations),
        affinity: own.affinity.or_else(|| defaults.affinity.clone()),
        topology_spread_constraints: given(own.topology_spread_constraints, &defaults.topology_spread_constraints),
        priority_class_name: own.priority_class_name.or_else(|| defaults.priority_class_name.clone()),
        image_pull_secrets: given(own.image_pull_secrets, &defaults.image_pull_secrets),
    }
}

fn merged(defaults: &BTreeMap<String, String>, own: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut all = defaults.clone();
    all.extend(own);
    all
}

fn given<T: Clone>(own: Vec<T>, defaults: &[T]) -> Vec<T> {
    if own.is_empty() { defaults.to_vec() } else { own }
}

/// Each variable once, with the value that comes last: a list of a pod has each name once when it is applied.
pub(super) fn last_of_each_name(variables: impl Iterator<Item = EnvVar>) -> Vec<EnvVar> {
    let mut all: Vec<EnvVar> = Vec::new();
    for variable in variables {
        match all.iter_mut().find(|known| known.name == variable.name) {
            Some(known) => *known = variable,
            None => all.push(variable),
        }
    }
    all
}
