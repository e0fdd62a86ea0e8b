//! Before a removal: ends the operator, and removes workers and finalizers. SigningJobs, their CRD and their ledger are kept,
//! so that a later installation continues with them.

use std::time::Duration;

use k8s_openapi::{
    api::{apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, policy::v1::PodDisruptionBudget},
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, PartialObjectMeta, Patch, PatchParams},
};
use serde_json::json;
use uuid::Uuid;
use vaultstream_api::{ChildNames, SigningJob};

use crate::{
    api_client,
    config::Leave,
    job::{
        build::ScaledObject,
        deletion::{delete_if_present, ignore_absent, is_absent},
        finalizer,
    },
    leader::election,
    namespaces::apis,
    permissions::METRICS_API,
    scaling::registration,
};

/// The operator's default.
const LEASE_DURATION: Duration = Duration::from_secs(15);

/// The cluster could not be left in order.
#[derive(Debug, thiserror::Error)]
pub enum LeaveError {
    /// The API server's address is unknown.
    #[error("failed to find the API server")]
    Client(#[source] kube::Error),
    /// The operator could not be scaled down.
    #[error("failed to end the operator")]
    Scale(#[source] kube::Error),
    /// It still leads.
    #[error("the operator did not release its Lease within {0}: look at its pods, then try again")]
    StillLed(humantime::Duration),
    /// What the operator has registered remains.
    #[error("failed to remove the APIService {METRICS_API}")]
    Unregister(#[source] kube::Error),
    /// SigningJobs could not be listed.
    #[error("failed to list SigningJobs")]
    List(#[source] kube::Error),
    /// Some could not be freed; each was reported.
    #[error("{0} SigningJobs still have workers or our finalizer: see the lines above, and try again")]
    Left(usize),
}

/// Ends the operator, then removes workers and finalizers. A SigningJob that fails is reported, and does not stop the others.
///
/// # Errors
/// [`LeaveError`].
pub(crate) async fn leave(args: Leave) -> Result<(), LeaveError> {
    let client = api_client::connect().await.map_err(LeaveError::Client)?;
    end_operator(&client, &args.namespace, &args.deployment).await?;
    // Only the holder of the Lease writes: an operator that is slow to end cannot set a finalizer again.
    let identity = format!("leave_{}", Uuid::new_v4());
    let mut election = election::join_election(&client, &args.namespace, identity, LEASE_DURATION);
    let leading = tokio::time::timeout(*args.patience, election.leads.wait_for(|leads| *leads));
    if !leading.await.is_ok_and(|led| led.is_ok()) {
        return Err(LeaveError::StillLed(args.patience));
    }
    let unregistered = match &args.metrics_api_service {
        Some(service) => unregister(&election.client, &args.namespace, service).await.map_err(LeaveError::Unregister),
        None => Ok(()),
    };
    let freed = free_all(&election.client, &args.namespaces).await;
    election.release().await;
    freed.and(unregistered)
}

/// Removes what the operator has registered: without its server no namespace of the cluster could be deleted.
async fn unregister(client: &Client, namespace: &str, service: &str) -> Result<(), kube::Error> {
    let api = Api::<APIService>::all(client.clone());
    let Some(found) = api.get_opt(METRICS_API).await? else { return Ok(()) };
    if registration::is_made_by_us(&found) && registration::names(&found, namespace, service) {
        ignore_absent(registration::remove(&api, &found).await)?;
        println!("the APIService {METRICS_API} is gone");
    }
    Ok(())
}

async fn end_operator(client: &Client, namespace: &str, deployment: &str) -> Result<(), LeaveError> {
    let api = Api::<Deployment>::namespaced(client.clone(), namespace);
    let patch = Patch::Merge(json!({"spec": {"replicas": 0}}));
    ignore_absent(api.patch_scale(deployment, &PatchParams::default(), &patch).await).map_err(LeaveError::Scale)
}

async fn free_all(client: &Client, namespaces: &[String]) -> Result<(), LeaveError> {
    let mut left = 0;
    for api in apis::<SigningJob>(client, namespaces) {
        let jobs = match api.list_metadata(&ListParams::default()).await {
            Ok(jobs) => jobs,
            // The type, or the namespace that grants our rights, is gone already.
            Err(error) if is_absent(&error) => continue,
            Err(kube::Error::Api(status)) if status.is_forbidden() => continue,
            Err(error) => return Err(LeaveError::List(error)),
        };
        for job in jobs {
            let (namespace, name) = (job.namespace().unwrap_or_default(), job.name_any());
            match free(client, &namespace, &job).await {
                Ok(()) => println!("{namespace}/{name}: its workers and our finalizer are gone"),
                Err(error) => {
                    left += 1;
                    eprintln!("{namespace}/{name}: {}", vaultstream_program::chain(&error));
                }
            }
        }
    }
    if left > 0 {
        return Err(LeaveError::Left(left));
    }
    println!("SigningJobs, their CRD and their ledger are kept; a new installation continues with them");
    Ok(())
}

/// Removes a job's children and our finalizer. The scaler first, or it would ask for workers again.
async fn free(client: &Client, namespace: &str, job: &PartialObjectMeta<SigningJob>) -> Result<(), kube::Error> {
    if let Ok(name) = job.name_any().parse() {
        let names = ChildNames::of(&name);
        delete_if_present::<HorizontalPodAutoscaler>(client, namespace, &names.scaler).await?;
        delete_if_present::<ScaledObject>(client, namespace, &names.scaler).await?;
        delete_if_present::<Deployment>(client, namespace, &names.workers).await?;
        delete_if_present::<PodDisruptionBudget>(client, namespace, &names.disruption_budget).await?;
    }
    finalizer::remove(client, &job.metadata).await
}
