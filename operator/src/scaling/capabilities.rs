//! Reads what this cluster has for scaling. The leader polls it, and writes one thing: the authorities of our certificate into
//! the APIService, if that names our Service. Another one is never changed.

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
    scaling::scaler_selection::{ClusterCapabilities, MetricsApiOwner},
};

/// How often the cluster is read.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
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
    let mut since = Instant::now();
    loop {
        let (owner, available) = match (&authorities, config.namespaces.is_empty()) {
            (_, false) => (MetricsApiOwner::Unknown, false),
            (authorities, true) => match read_owner(client, config, authorities.as_ref()).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::debug!(error = vaultstream_program::chain(&error), "the APIService could not be read");
                    (capabilities.borrow().owner.clone(), false)
                }
            },
        };
        let keda = config.scaling_url.is_some() && knows_keda(client).await;
        capabilities.send_if_modified(|known| {
            if known.owner != owner {
                since = Instant::now();
                tracing::info!(?owner, "the external metrics API has another owner");
            }
            let settled = since.elapsed() >= OWNER_SETTLED_AFTER;
            let now = ClusterCapabilities { known: true, owner, available, settled, keda };
            let changed = *known != now;
            *known = now;
            changed
        });
        polled(&capabilities.borrow());
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The owner of the APIService, and whether it is available. If it is ours, it is given the authorities that it needs.
async fn read_owner(
    client: &Client,
    config: &Config,
    authorities: Option<&watch::Receiver<Option<String>>>,
) -> Result<(MetricsApiOwner, bool), kube::Error> {
    let api = Api::<APIService>::all(client.clone());
    let Some(service) = api.get_opt(METRICS_API).await? else { return Ok((MetricsApiOwner::Unregistered, false)) };
    let spec = service.spec.unwrap_or_default();
    let owner = match &spec.service {
        None => MetricsApiOwner::Other("the API server itself".to_owned()),
        Some(named) => {
            let (name, namespace) =
                (named.name.as_deref().unwrap_or_default(), named.namespace.as_deref().unwrap_or_default());
            let is_served = authorities.is_some();
            if is_served && name == config.metrics_api_service && namespace == config.operator_namespace {
                MetricsApiOwner::Operator
            } else if name.contains("keda") {
                MetricsApiOwner::Keda
            } else {
                MetricsApiOwner::Other(format!("{namespace}/{name}"))
            }
        }
    };
    let authorities = authorities.and_then(|pem| pem.borrow().clone()).unwrap_or_default().into_bytes();
    if owner == MetricsApiOwner::Operator
        && !authorities.is_empty()
        && spec.ca_bundle.as_ref().map(|bundle| &bundle.0) != Some(&authorities)
    {
        let params = PatchParams { field_manager: Some(OPERATOR.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(json!({"spec": {"caBundle": ByteString(authorities)}}));
        api.patch(METRICS_API, &params, &patch).await?;
        tracing::info!("the APIService {METRICS_API} was given the authority of our certificate");
    }
    let conditions = service.status.and_then(|status| status.conditions).unwrap_or_default();
    let available = conditions.iter().any(|condition| condition.type_ == "Available" && condition.status == "True");
    Ok((owner, available))
}

async fn knows_keda(client: &Client) -> bool {
    let found = client.list_api_group_resources(KEDA_API).await;
    found.is_ok_and(|list| list.resources.iter().any(|resource| resource.kind == "ScaledObject"))
}
