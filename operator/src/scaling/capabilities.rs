//! Reads what this cluster has for scaling. The leader polls it, and writes one thing: the APIService of the metrics API, if that names our
//! Service or nobody's. Another one is never changed.

use std::time::{Duration, Instant};

use k8s_openapi::{ByteString, kube_aggregator::pkg::apis::apiregistration::v1::APIService};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tokio::sync::watch;

use crate::{
    config::Config,
    permissions::{METRICS_API, OPERATOR},
    scaling::{
        registration::{self, Step},
        scaler_selection::{ClusterCapabilities, MetricsApiOwner},
    },
};

/// How often the cluster is read.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// At first the API server is given this long to reach what was registered: jobs keep the scaler that they get.
const REGISTRATION_LIMIT: Duration = Duration::from_secs(8);
const REGISTRATION_INTERVAL: Duration = Duration::from_millis(250);
/// How long the owner has to be the same before running jobs change their scaler.
const OWNER_SETTLED_AFTER: Duration = Duration::from_secs(300);
/// KEDA's group and version.
const KEDA_API: &str = "keda.sh/v1alpha1";

/// The authorities of our serving certificate, as PEM: `None` inside before it was loaded. `None` outside when the metrics API
/// is not served.
pub(crate) type ServedAuthorities = Option<watch::Receiver<Option<String>>>;

/// Polls until it is dropped. `polled` is called after each poll.
pub(crate) async fn poll_for_ever(
    client: &Client,
    config: &Config,
    authorities: ServedAuthorities,
    capabilities: &watch::Sender<ClusterCapabilities>,
    polled: impl Fn(&ClusterCapabilities),
) {
    let begun = Instant::now();
    let mut since = begun;
    loop {
        let (owner, available) = match (&authorities, config.namespaces.is_empty()) {
            (_, false) => (MetricsApiOwner::Unknown, false),
            (authorities, true) => match look(client, config, authorities.as_ref()).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::debug!(error = vaultstream_program::chain(&error), "the APIService could not be read");
                    (capabilities.borrow().owner.clone(), false)
                }
            },
        };
        let keda = config.scaling_url.is_some() && knows_keda(client).await;
        let is_pending = config.register_metrics_api
            && !available
            && matches!(owner, MetricsApiOwner::Unregistered | MetricsApiOwner::Operator)
            && begun.elapsed() < REGISTRATION_LIMIT;
        capabilities.send_if_modified(|known| {
            if known.owner != owner {
                since = Instant::now();
            }
            let settled = since.elapsed() >= OWNER_SETTLED_AFTER;
            let now = ClusterCapabilities { known: known.known || !is_pending, owner, available, settled, keda };
            let changed = *known != now;
            *known = now;
            changed
        });
        polled(&capabilities.borrow());
        tokio::time::sleep(if is_pending { REGISTRATION_INTERVAL } else { POLL_INTERVAL }).await;
    }
}

/// The owner of the APIService, and whether it is available, once what is to be done about it is done.
async fn look(
    client: &Client,
    config: &Config,
    authorities: Option<&watch::Receiver<Option<String>>>,
) -> Result<(MetricsApiOwner, bool), kube::Error> {
    let api = Api::<APIService>::all(client.clone());
    let found = api.get_opt(METRICS_API).await?;
    let owner = owner(found.as_ref(), config, authorities.is_some());
    let authorities = authorities.and_then(|pem| pem.borrow().clone()).unwrap_or_default().into_bytes();
    let service = (config.operator_namespace.as_str(), config.metrics_api_service.as_str());
    let is_made_by_us = found.as_ref().is_some_and(registration::is_made_by_us);
    let is_left_by_us = found.as_ref().is_some_and(|found| registration::is_left_by_us(found, service.0, service.1));
    let step = registration::step(&owner, is_made_by_us, config.register_metrics_api);
    match (if is_left_by_us { Step::Remove } else { step }, &found) {
        // Without an authority nobody could reach it, and meanwhile no namespace of the cluster could be deleted.
        (Step::Register, _) if !authorities.is_empty() => {
            registration::register(&api, service, &authorities).await?;
            return Ok((MetricsApiOwner::Operator, false));
        }
        (Step::Remove, Some(found)) => {
            registration::remove(&api, found).await?;
            return Ok((MetricsApiOwner::Unregistered, false));
        }
        _ => {}
    }
    let Some(service) = found else { return Ok((owner, false)) };
    let bundle = service.spec.and_then(|spec| spec.ca_bundle).map(|bundle| bundle.0);
    if owner == MetricsApiOwner::Operator && !authorities.is_empty() && bundle.as_ref() != Some(&authorities) {
        let params = PatchParams { field_manager: Some(OPERATOR.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(json!({"spec": {"caBundle": ByteString(authorities)}}));
        api.patch(METRICS_API, &params, &patch).await?;
        tracing::info!("the APIService {METRICS_API} was given the authority of our certificate");
    }
    let conditions = service.status.and_then(|status| status.conditions).unwrap_or_default();
    let available = conditions.iter().any(|condition| condition.type_ == "Available" && condition.status == "True");
    Ok((owner, available))
}

fn owner(found: Option<&APIService>, config: &Config, is_served: bool) -> MetricsApiOwner {
    let Some(found) = found else { return MetricsApiOwner::Unregistered };
    if is_served && registration::names(found, &config.operator_namespace, &config.metrics_api_service) {
        return MetricsApiOwner::Operator;
    }
    match found.spec.as_ref().and_then(|spec| spec.service.as_ref()) {
        None => MetricsApiOwner::Other("the API server itself".to_owned()),
        Some(named) => {
            let (name, namespace) =
                (named.name.as_deref().unwrap_or_default(), named.namespace.as_deref().unwrap_or_default());
            if name.contains("keda") {
                MetricsApiOwner::Keda
            } else {
                MetricsApiOwner::Other(format!("{namespace}/{name}"))
            }
        }
    }
}

async fn knows_keda(client: &Client) -> bool {
    let found = client.list_api_group_resources(KEDA_API).await;
    found.is_ok_and(|list| list.resources.iter().any(|resource| resource.kind == "ScaledObject"))
}
