//! What this cluster offers for scaling, looked at again and again by the leader; and the one thing it writes: the
//! authorities of our certificate, into the APIService that names our Service. A foreign one is never touched.

use std::time::{Duration, Instant};

use k8s_openapi::{ByteString, kube_aggregator::pkg::apis::apiregistration::v1::APIService};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tokio::sync::watch;

use super::choice::{Offers, Owner};
use crate::{
    Config,
    metrics::Metrics,
    metrics_api::Served,
    permissions::{METRICS_API, OPERATOR},
};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);
/// Jobs under way change over after the owner has been the same for so long.
const SETTLED: Duration = Duration::from_secs(300);
/// KEDA's group and version.
const KEDA: &str = "keda.sh/v1alpha1";

/// Looks until it is dropped.
pub(crate) async fn watch_for_ever(
    client: &Client,
    config: &Config,
    served: Option<Served>,
    offers: &watch::Sender<Offers>,
    metrics: &Metrics,
) {
    let mut since = Instant::now();
    loop {
        let (owner, available) = match (&served, config.namespaces.is_empty()) {
            (_, false) => (Owner::Unknown, false),
            (served, true) => match look(client, config, served.as_ref()).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::debug!(error = crate::chain(&error), "the APIService could not be read");
                    (offers.borrow().owner.clone(), false)
                }
            },
        };
        let keda = config.scaling_url.is_some() && knows_keda(client).await;
        offers.send_if_modified(|known| {
            if known.owner != owner {
                since = Instant::now();
                tracing::info!(?owner, "who serves the external metrics API");
            }
            let settled = since.elapsed() >= SETTLED;
            let now = Offers { known: true, owner, available, settled, keda };
            let news = *known != now;
            *known = now;
            news
        });
        metrics.note_offers(&offers.borrow());
        tokio::time::sleep(EVERY).await;
    }
}

/// Whose the APIService is and whether it is available, after giving ours the authorities it needs.
async fn look(client: &Client, config: &Config, served: Option<&Served>) -> Result<(Owner, bool), kube::Error> {
    let api = Api::<APIService>::all(client.clone());
    let Some(service) = api.get_opt(METRICS_API).await? else { return Ok((Owner::Nobody, false)) };
    let spec = service.spec.unwrap_or_default();
    let owner = match &spec.service {
        None => Owner::Other("the API server itself".to_owned()),
        Some(named) => {
            let (name, namespace) =
                (named.name.as_deref().unwrap_or_default(), named.namespace.as_deref().unwrap_or_default());
            match served.is_some() && name == config.metrics_api_service && namespace == config.operator_namespace {
                true => Owner::Us,
                false if name.contains("keda") => Owner::Keda,
                false => Owner::Other(format!("{namespace}/{name}")),
            }
        }
    };
    let authorities = served.and_then(|served| served.authorities.borrow().clone()).unwrap_or_default().into_bytes();
    if owner == Owner::Us
        && !authorities.is_empty()
        && spec.ca_bundle.as_ref().map(|bundle| &bundle.0) != Some(&authorities)
    {
        let params = PatchParams { field_manager: Some(OPERATOR.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(json!({"spec": {"caBundle": ByteString(authorities)}}));
        api.patch(METRICS_API, &params, &patch).await?;
        tracing::info!("the APIService {METRICS_API} knows the authority of our certificate");
    }
    let conditions = service.status.and_then(|status| status.conditions).unwrap_or_default();
    let available = conditions.iter().any(|condition| condition.type_ == "Available" && condition.status == "True");
    Ok((owner, available))
}

async fn knows_keda(client: &Client) -> bool {
    let found = client.list_api_group_resources(KEDA).await;
    found.is_ok_and(|list| list.resources.iter().any(|resource| resource.kind == "ScaledObject"))
}
