//! The dashboard and the alerts: what they ask Prometheus, and where their links lead.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Value, json};

use crate::release::chart;
use crate::values::{rendered, template};

/// What one panel asks.
pub(crate) struct Query {
    pub(crate) panel: String,
    pub(crate) reference: String,
    pub(crate) expression: String,
}

fn file(name: &str) -> String {
    std::fs::read_to_string(chart().join("files").join(name)).unwrap()
}

fn dashboard() -> Value {
    serde_json::from_str(&file("dashboard.json")).unwrap()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// What all panels ask of the namespaces and jobs that match.
pub(crate) fn queries(namespace: &str, signingjob: &str) -> Vec<Query> {
    let dashboard = dashboard();
    let targets = list(&dashboard["panels"])
        .flat_map(|panel| list(&panel["targets"]).map(|target| (panel["title"].as_str().unwrap(), target)));
    let all: Vec<Query> = targets
        .map(|(panel, target)| Query {
            panel: panel.to_owned(),
            reference: target["refId"].as_str().unwrap().to_owned(),
            expression: target["expr"]
                .as_str()
                .unwrap()
                .replace("$namespace", namespace)
                .replace("$signingjob", signingjob),
        })
        .collect();
    assert!(all.len() > 40, "the dashboard has lost its panels");
    all
}

/// The variables that are filled by Prometheus: the series that are looked for, and the label.
pub(crate) fn variables(namespace: &str) -> Vec<(String, String)> {
    let call = Regex::new(r"^label_values\((.+), (\w+)\)$").unwrap();
    let dashboard = dashboard();
    let asked = list(&dashboard["templating"]["list"]).filter_map(|variable| variable["query"]["query"].as_str());
    let asked = asked.map(|query| query.replace("$namespace", namespace));
    asked
        .map(|query| {
            let found = call.captures(&query).unwrap();
            (found[1].to_owned(), found[2].to_owned())
        })
        .collect()
}

pub(crate) fn alerts() -> BTreeSet<String> {
    let alerts: Value = serde_yaml_ng::from_str(&file("alerts.yaml")).unwrap();
    let rules = list(&alerts["groups"]).flat_map(|group| list(&group["rules"]));
    rules.map(|rule| rule["alert"].as_str().unwrap().to_owned()).collect()
}

/// The names of metrics in a text, of histograms as they are exported.
pub(crate) fn metrics(text: &str) -> BTreeSet<String> {
    let name = Regex::new(r"\bvaultstream_(operator|worker)_[a-z_]+").unwrap();
    name.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

pub(crate) fn metrics_of_alerts() -> BTreeSet<String> {
    metrics(&file("alerts.yaml"))
}

#[test]
fn every_metric_of_the_dashboard_and_the_alerts_is_one_that_a_program_has() {
    let known = [vaultstream_operator::metrics_catalogue(), vaultstream_worker::metrics::Metrics::catalogue()];
    let known: BTreeSet<String> = known.into_iter().flat_map(Result::unwrap).map(|(name, _, _)| name).collect();
    let is_known = |name: &String| {
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        known.contains(name) || of_histogram.is_some_and(|name| known.contains(name))
    };
    for (what, text) in [("dashboard", file("dashboard.json")), ("alerts", file("alerts.yaml"))] {
        let unknown: Vec<String> = metrics(&text).into_iter().filter(|name| !is_known(name)).collect();
        assert!(unknown.is_empty(), "{what}: no program has {unknown:?}");
    }
}

/// A panel leads to what its alert means, and the last one has all of them.
#[test]
fn each_alert_has_a_runbook_to_which_the_dashboard_leads() {
    let operations = std::fs::read_to_string(chart().join("../../docs/operations.md")).unwrap();
    let headings =
        operations.lines().filter_map(|line| line.strip_prefix('#').map(|rest| rest.trim_start_matches('#')));
    let sections: BTreeSet<String> = headings.map(|heading| heading.trim().to_lowercase().replace(' ', "-")).collect();
    let dashboard = dashboard();
    let link = Regex::new(r"\$\{runbooks:raw\}#([a-z-]+)").unwrap();
    let links = |value: &Value| -> BTreeSet<String> {
        link.captures_iter(&value.to_string()).map(|found| found[1].to_owned()).collect()
    };
    for section in links(&dashboard) {
        assert!(sections.contains(&section), "docs/operations.md has no section {section}");
    }
    let of_panels = list(&dashboard["panels"]).flat_map(|panel| links(&panel["links"])).collect::<BTreeSet<_>>();
    let of_all = links(list(&dashboard["panels"]).find(|panel| panel["title"] == "Runbooks").unwrap());
    let alerts: BTreeSet<String> = alerts().iter().map(|alert| alert.to_lowercase()).collect();
    assert_eq!(of_panels, alerts, "links of panels");
    assert_eq!(of_all, alerts, "the panel with all runbooks");
    assert!(links(&dashboard["links"]).contains("metrics-and-alerts"));
}

#[tokio::test]
async fn the_links_of_the_dashboard_lead_to_where_the_runbooks_are() {
    let url = "https://git.example.com/docs/operations.md";
    let default_of = async |values: &str| {
        let (content, said) = template(&["--set", "dev.enabled=true", "--set", values]).await;
        assert!(content, "{said}");
        let maps = rendered(&said, "ConfigMap");
        let dashboard = maps.iter().find_map(|map| map["data"]["vaultstream.json"].as_str()).unwrap();
        let dashboard: Value = serde_json::from_str(dashboard).unwrap();
        let runbooks = list(&dashboard["templating"]["list"]).find(|variable| variable["name"] == "runbooks").unwrap();
        assert_eq!(runbooks["query"], runbooks["current"]["value"]);
        runbooks["query"].as_str().unwrap().to_owned()
    };
    for kind in ["monitoring.dashboard.enabled=true", "dev.monitoring.enabled=true"] {
        assert_eq!(default_of(kind).await, "docs/operations.md", "{kind}");
        assert_eq!(default_of(&format!("{kind},monitoring.rules.runbookUrl={url}")).await, url, "{kind}");
    }
}

/// In namespaces alone where the operator is limited to some, and to pods alone everywhere.
#[tokio::test]
async fn the_rights_of_a_release_s_own_prometheus_are_to_find_pods() {
    let only_pods = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]);
    let of = async |values: &str| {
        let values = format!("dev.enabled=true,dev.monitoring.enabled=true{values}");
        let (content, said) = template(&["--set", &values]).await;
        assert!(content, "{said}");
        let is_its_own = |role: &Value| role["metadata"]["name"] == "vaultstream-dev-prometheus";
        let roles = ["ClusterRole", "Role"].map(|kind| {
            let mut roles = rendered(&said, kind);
            roles.retain(is_its_own);
            for role in &roles {
                assert_eq!(role["rules"], only_pods);
            }
            let mut places: Vec<String> = roles
                .iter()
                .map(|role| role["metadata"]["namespace"].as_str().unwrap_or_default().to_owned())
                .collect();
            places.sort_unstable();
            places
        });
        let bound = ["ClusterRoleBinding", "RoleBinding"]
            .map(|kind| rendered(&said, kind).into_iter().filter(is_its_own).count());
        assert_eq!(bound, [roles[0].len(), roles[1].len()]);
        roles
    };
    assert_eq!(of("").await, [vec![String::new()], vec![]]);
    let places = ["team-a", "team-b", "vaultstream-system"].map(str::to_owned).to_vec();
    assert_eq!(of(",operator.namespaces={team-a,team-b}").await, [vec![], places]);
}
