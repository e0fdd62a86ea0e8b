//! Before a removal: the operator ends, workers go, and nothing waits for a finalizer that nobody would remove any more.
//! SigningJobs, their CRD and their ledger stay, so that a later installation goes on with them.

use std::time::Duration;

use clap::Args;
use k8s_openapi::api::{
    apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, PartialObjectMeta, Patch, PatchParams},
};
use serde_json::json;
use uuid::Uuid;
use vaultstream_api::{ChildNames, SigningJob};

use crate::{
    apply::{delete_if_there, if_there, is_absent},
    build::ScaledObject,
    cleanup::remove_finalizer,
    dereference, lease,
    permissions::OPERATOR,
};

/// As the operator's own.
const LEASE: Duration = Duration::from_secs(15);

/// `vaultstream-operator leave`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Leave {
    /// The operator's own namespace.
    #[arg(long)]
    namespace: String,

    /// The namespaces it looks after, with commas between them. Default: all.
    #[arg(long, value_delimiter = ',')]
    namespaces: Vec<String>,

    /// How long the operator is waited for.
    #[arg(long, default_value = "60s")]
    patience: humantime::Duration,
}

/// The cluster could not be left in order.
#[derive(Debug, thiserror::Error)]
pub enum LeaveError {
    /// The API server is unknown.
    #[error("failed to find the API server")]
    Client(#[source] kube::Error),
    /// The operator runs on.
    #[error("failed to end the operator")]
    Scale(#[source] kube::Error),
    /// It still leads.
    #[error("the operator did not release its Lease within {0}: look at its pods, then try again")]
    StillLed(humantime::Duration),
    /// SigningJobs could not be listed.
    #[error("failed to list SigningJobs")]
    List(#[source] kube::Error),
    /// Some could not be freed; each was told.
    #[error("{0} SigningJobs still have workers or our finalizer: see the lines above, and try again")]
    Left(usize),
}

/// Ends the operator, removes workers and finalizers. What one SigningJob refuses is told, and does not stop the others.
///
/// # Errors
/// [`LeaveError`].
pub(crate) async fn leave(args: Leave) -> Result<(), LeaveError> {
    let client = Client::try_default().await.map_err(LeaveError::Client)?;
    end_operator(&client, &args.namespace).await?;
    // Who has the Lease is the only one that writes: an operator that is slow to end cannot set a finalizer again.
    let identity = format!("leave_{}", Uuid::new_v4());
    let mut election = lease::run_for(&client, &args.namespace, identity, LEASE);
    let leading = tokio::time::timeout(*args.patience, election.leads.wait_for(|leads| *leads));
    if !leading.await.is_ok_and(|led| led.is_ok()) {
        return Err(LeaveError::StillLed(args.patience));
    }
    let result = let_all_go(&election.client, &args.namespaces).await;
    election.give_back().await;
    result
}

async fn end_operator(client: &Client, namespace: &str) -> Result<(), LeaveError> {
    let api = Api::<Deployment>::namespaced(client.clone(), namespace);
    let patch = Patch::Merge(json!({"spec": {"replicas": 0}}));
    if_there(api.patch_scale(OPERATOR, &PatchParams::default(), &patch).await).map_err(LeaveError::Scale)
}

async fn let_all_go(client: &Client, namespaces: &[String]) -> Result<(), LeaveError> {
    let mut left = 0;
    for api in dereference::apis::<SigningJob>(client, namespaces) {
        let jobs = match api.list_metadata(&ListParams::default()).await {
            Ok(jobs) => jobs,
            // The type, or the namespace with our rights in it, is gone already.
            Err(error) if is_absent(&error) => continue,
            Err(kube::Error::Api(status)) if status.is_forbidden() => continue,
            Err(error) => return Err(LeaveError::List(error)),
        };
        for job in jobs {
            let (namespace, name) = (job.namespace().unwrap_or_default(), job.name_any());
            match let_go(client, &namespace, &job).await {
                Ok(()) => println!("{namespace}/{name}: its workers and our finalizer are gone"),
                Err(error) => {
                    left += 1;
                    eprintln!("{namespace}/{name}: {}", crate::chain(&error));
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

/// The scaler first, or it would ask for workers again.
async fn let_go(client: &Client, namespace: &str, job: &PartialObjectMeta<SigningJob>) -> Result<(), kube::Error> {
    if let Ok(name) = job.name_any().parse() {
        let names = ChildNames::of(&name);
        delete_if_there::<HorizontalPodAutoscaler>(client, namespace, &names.scaler).await?;
        delete_if_there::<ScaledObject>(client, namespace, &names.scaler).await?;
        delete_if_there::<Deployment>(client, namespace, &names.workers).await?;
        delete_if_there::<PodDisruptionBudget>(client, namespace, &names.disruption_budget).await?;
    }
    remove_finalizer(client, &job.metadata).await
}
