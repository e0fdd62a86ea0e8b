//! Requests, as the API server counts them.

use std::collections::BTreeMap;

use super::cluster::kubectl;

/// What an operator writes, except its Lease, which is always renewed.
const OURS: [&str; 6] =
    ["signingjobs", "deployments", "poddisruptionbudgets", "horizontalpodautoscalers", "scaledobjects", "events"];
const WRITES: [&str; 6] = ["APPLY", "DELETE", "DELETECOLLECTION", "PATCH", "POST", "PUT"];

/// How many requests there were, by verb and resource.
pub(crate) type Counts = BTreeMap<(String, String), u64>;

/// Requests since the API server started.
pub(crate) async fn count() -> Counts {
    let (content, text) = kubectl(&["get", "--raw", "/metrics"]).await;
    assert!(content, "{text}");
    let mut counts = Counts::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("apiserver_request_total{")) {
        // Other status codes are other lines of the same verb and resource.
        let (labels, value) = line.split_once("} ").unwrap();
        let label = |name: &str| {
            let labels = labels.split(',').filter_map(|label| label.split_once('='));
            labels.filter(|(found, _)| *found == name).map(|(_, value)| value.trim_matches('"').to_owned()).next()
        };
        let key = (label("verb").unwrap_or_default(), label("resource").unwrap_or_default());
        *counts.entry(key).or_default() += value.parse::<f64>().unwrap() as u64;
    }
    counts
}

/// Writes of what the operator writes.
pub(crate) async fn writes() -> Counts {
    only_ours(count().await)
}

/// Those of all requests that write what the operator writes.
pub(crate) fn only_ours(mut counts: Counts) -> Counts {
    counts.retain(|(verb, resource), _| WRITES.contains(&verb.as_str()) && OURS.contains(&resource.as_str()));
    counts
}
