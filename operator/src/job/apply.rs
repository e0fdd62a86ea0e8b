//! Makes the children what they are to be: server-side apply for those that are wanted, deletion for the others. Nothing is
//! written when nothing differs.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{Deployment, DeploymentSpec},
        autoscaling::v2::HorizontalPodAutoscaler,
        core::v1::{Container, PodSpec, PodTemplateSpec},
        policy::v1::PodDisruptionBudget,
    },
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use vaultstream_api::{ChildNames, ScalingMode};

use crate::{
    job::{
        build::{DesiredChildren, ScaledObject},
        children::ObservedChildren,
        deletion::{delete_if_present, is_absent},
        scale::SCALE_MANAGER,
        validate::ValidJob,
    },
    permissions::OPERATOR,
};

const DEPLOYMENT: &str = "Deployment";
const BUDGET: &str = "PodDisruptionBudget";
const AUTOSCALER: &str = "HorizontalPodAutoscaler";
const SCALED_OBJECT: &str = "ScaledObject";
/// How long a deletion waits for KEDA's finalizer.
const KEDA_FINALIZER_TIMEOUT_SECONDS: i64 = 60;

/// A child could not be read, applied or deleted.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} the {kind} {name}")]
pub(crate) struct ApplyError {
    action: &'static str,
    kind: &'static str,
    name: String,
    #[source]
    pub(crate) source: kube::Error,
}

/// How often a child is applied again although its content is the same: another writer may have changed it.
const REAPPLY_INTERVAL: Duration = Duration::from_secs(600);

/// The children that may exist, by job and kind, and the hash of what was applied last: applying the same again costs no
/// request. A child is noted before it is applied, and forgotten after it was deleted: a response may be lost, and watches may
/// lag behind.
#[derive(Default)]
pub(crate) struct AppliedHashes(Mutex<HashMap<(Uuid, &'static str), Option<AppliedHash>>>);

struct AppliedHash {
    hash: [u8; 32],
    at: Instant,
}

/// Whether all is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApplyOutcome {
    Done,
    /// KEDA's finalizer is still on the ScaledObject. The Deployment is kept until it is gone.
    WaitingForKeda,
}

impl AppliedHashes {
    fn is_due(&self, uid: Uuid, kind: &'static str, hash: [u8; 32]) -> bool {
        let known = self.0.lock();
        let last = known.get(&(uid, kind)).and_then(Option::as_ref);
        last.is_none_or(|last| last.hash != hash || last.at.elapsed() > REAPPLY_INTERVAL)
    }

    /// It may exist from now on.
    fn begin(&self, uid: Uuid, kind: &'static str) {
        self.0.lock().insert((uid, kind), None);
    }

    fn record(&self, uid: Uuid, kind: &'static str, hash: [u8; 32]) {
        self.0.lock().insert((uid, kind), Some(AppliedHash { hash, at: Instant::now() }));
    }

    /// Whether it may exist.
    fn knows(&self, uid: Uuid, kind: &'static str) -> bool {
        self.0.lock().contains_key(&(uid, kind))
    }

    /// No watch shows it: if it is wanted, it is applied again.
    fn distrust(&self, uid: Uuid, kind: &'static str) {
        if let Some(last) = self.0.lock().get_mut(&(uid, kind)) {
            *last = None;
        }
    }

    /// Forgets a job, or one kind of its children.
    pub(crate) fn forget(&self, uid: Uuid, kind: Option<&'static str>) {
        self.0.lock().retain(|(of, child), _| *of != uid || kind.is_some_and(|kind| *child != kind));
    }
}

/// Applies the desired children and deletes the others. `observed` is what exists. An unwanted scaler is deleted first and a
/// wanted one applied last: no scaler ever exists without its Deployment.
pub(crate) async fn apply(
    client: &Client,
    applied: &AppliedHashes,
    job: &ValidJob,
    desired: DesiredChildren,
    observed: &ObservedChildren,
) -> Result<ApplyOutcome, ApplyError> {
    let names = ChildNames::of(&job.name);
    let DesiredChildren { deployment, disruption_budget, autoscaler, scaled_object } = desired;
    // The watch may not have seen yet what was applied a moment ago.
    let may_exist = |kind, is_observed: bool| {
        if !is_observed {
            applied.distrust(job.uid, kind);
        }
        is_observed || applied.knows(job.uid, kind)
    };
    let deployment_may_exist = may_exist(DEPLOYMENT, observed.deployment.is_some());
    let budget_may_exist = may_exist(BUDGET, observed.disruption_budget.is_some());
    let autoscaler_may_exist = may_exist(AUTOSCALER, observed.autoscaler.is_some());
    if autoscaler.is_none() && autoscaler_may_exist {
        delete_child::<HorizontalPodAutoscaler>(client, applied, job, AUTOSCALER, &names.scaler).await?;
    }
    let has_scaled_object = job.status.scaling_mode == Some(ScalingMode::Keda) || applied.knows(job.uid, SCALED_OBJECT);
    if scaled_object.is_none()
        && has_scaled_object
        && !delete_scaled_object(client, applied, job, &names.scaler).await?
    {
        return Ok(ApplyOutcome::WaitingForKeda);
    }
    match deployment {
        Some(deployment) => {
            if observed.deployment.is_none() {
                applied.begin(job.uid, DEPLOYMENT);
                create_without_replicas(client, job, &deployment).await?;
            }
            apply_child(client, applied, job, DEPLOYMENT, deployment).await?;
        }
        None if deployment_may_exist => {
            delete_child::<Deployment>(client, applied, job, DEPLOYMENT, &names.workers).await?;
        }
        None => {}
    }
    match disruption_budget {
        Some(budget) => apply_child(client, applied, job, BUDGET, budget).await?,
        None if budget_may_exist => {
            delete_child::<PodDisruptionBudget>(client, applied, job, BUDGET, &names.disruption_budget).await?;
        }
        None => {}
    }
    if let Some(autoscaler) = autoscaler {
        apply_child(client, applied, job, AUTOSCALER, autoscaler).await?;
    }
    if let Some(scaled_object) = scaled_object {
        apply_child(client, applied, job, SCALED_OBJECT, scaled_object).await?;
    }
    Ok(ApplyOutcome::Done)
}

/// Deletes the ScaledObject; true once it is gone. KEDA's finalizer holds it until KEDA has released the Deployment. A KEDA
/// that does not run is not waited for longer than the timeout.
async fn delete_scaled_object(
    client: &Client,
    applied: &AppliedHashes,
    job: &ValidJob,
    name: &str,
) -> Result<bool, ApplyError> {
    delete_child::<ScaledObject>(client, applied, job, SCALED_OBJECT, name).await?;
    let api = Api::<ScaledObject>::namespaced(client.clone(), job.namespace.as_str());
    let deleted_at = match api.get_metadata(name).await {
        Ok(left) => left.metadata.deletion_timestamp,
        Err(error) if is_absent(&error) => None,
        Err(source) => {
            return Err(ApplyError { action: "read", kind: SCALED_OBJECT, name: name.to_owned(), source });
        }
    };
    Ok(deleted_at.is_none_or(|at| {
        let waited = jiff::Timestamp::now().as_second() - at.0.as_second();
        waited > KEDA_FINALIZER_TIMEOUT_SECONDS
    }))
}

/// Creates a Deployment with zero replicas, a number that the scale manager owns. Applied without a number it would begin with
/// one replica.
async fn create_without_replicas(client: &Client, job: &ValidJob, deployment: &Deployment) -> Result<(), ApplyError> {
    let params = PostParams { field_manager: Some(SCALE_MANAGER.to_owned()), ..PostParams::default() };
    let api = Api::<Deployment>::namespaced(client.clone(), job.namespace.as_str());
    match api.create(&params, &minimal(deployment)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(source) => Err(ApplyError { action: "create", kind: DEPLOYMENT, name: deployment.name_any(), source }),
    }
}

/// Only the fields that a Deployment must have, and those that confine its pods: they are the same for all jobs. The scale
/// manager owns each field, too, and any other one would be kept when a changed job leaves it out.
fn minimal(deployment: &Deployment) -> Deployment {
    let whole = deployment.spec.clone().unwrap_or_default();
    let pod = whole.template.spec.unwrap_or_default();
    let container = |whole: Container| Container {
        name: whole.name,
        image: whole.image,
        security_context: whole.security_context,
        ..Container::default()
    };
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: whole.selector.match_labels.clone(), ..ObjectMeta::default() }),
        spec: Some(PodSpec {
            automount_service_account_token: pod.automount_service_account_token,
            security_context: pod.security_context,
            containers: pod.containers.into_iter().map(container).collect(),
            ..PodSpec::default()
        }),
    };
    Deployment {
        metadata: deployment.metadata.clone(),
        spec: Some(DeploymentSpec {
            replicas: Some(0),
            selector: whole.selector,
            template,
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

async fn apply_child<K>(
    client: &Client,
    applied: &AppliedHashes,
    job: &ValidJob,
    kind: &'static str,
    object: K,
) -> Result<(), ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Serialize
        + DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let name = object.name_any();
    let hash: [u8; 32] = Sha256::digest(serde_json::to_vec(&object).unwrap_or_default()).into();
    if !applied.is_due(job.uid, kind, hash) {
        return Ok(());
    }
    applied.begin(job.uid, kind);
    let api = Api::<K>::namespaced(client.clone(), job.namespace.as_str());
    let params = PatchParams::apply(OPERATOR).force();
    api.patch(&name, &params, &Patch::Apply(&object)).await.map_err(|source| ApplyError {
        action: "apply",
        kind,
        name,
        source,
    })?;
    applied.record(job.uid, kind, hash);
    Ok(())
}

async fn delete_child<K>(
    client: &Client,
    applied: &AppliedHashes,
    job: &ValidJob,
    kind: &'static str,
    name: &str,
) -> Result<(), ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug,
{
    delete_if_present::<K>(client, job.namespace.as_str(), name).await.map_err(|source| ApplyError {
        action: "delete",
        kind,
        name: name.to_owned(),
        source,
    })?;
    applied.forget(job.uid, Some(kind));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        job::{
            build::{Staffing, children},
            fixtures::valid_job,
        },
        scaling::scaler_selection::Scaler,
    };

    #[test]
    fn the_same_content_is_applied_once_for_each_job_and_kind() {
        let (applied, [job, other]) = (AppliedHashes::default(), [1, 2].map(Uuid::from_u128));
        assert!(applied.is_due(job, BUDGET, [1; 32]) && !applied.knows(job, BUDGET));
        applied.record(job, BUDGET, [1; 32]);
        assert!(!applied.is_due(job, BUDGET, [1; 32]) && applied.knows(job, BUDGET));
        assert!(applied.is_due(job, BUDGET, [2; 32]), "it has changed");
        assert!(applied.is_due(job, DEPLOYMENT, [1; 32]) && applied.is_due(other, BUDGET, [1; 32]));
    }

    #[test]
    fn content_is_applied_again_after_a_while_in_case_another_writer_has_changed_it() {
        let (applied, job) = (AppliedHashes::default(), Uuid::from_u128(1));
        let then = Instant::now().checked_sub(REAPPLY_INTERVAL + Duration::from_secs(1)).unwrap();
        applied.0.lock().insert((job, BUDGET), Some(AppliedHash { hash: [1; 32], at: then }));
        assert!(applied.is_due(job, BUDGET, [1; 32]));
    }

    #[test]
    fn a_child_that_may_exist_is_applied_until_a_response_says_that_it_does() {
        let (applied, job) = (AppliedHashes::default(), Uuid::from_u128(1));
        applied.begin(job, BUDGET);
        assert!(applied.knows(job, BUDGET) && applied.is_due(job, BUDGET, [1; 32]), "its outcome is unknown");
        applied.record(job, BUDGET, [1; 32]);
        applied.distrust(job, BUDGET);
        assert!(applied.knows(job, BUDGET) && applied.is_due(job, BUDGET, [1; 32]), "no watch shows it");
        applied.distrust(job, DEPLOYMENT);
        assert!(!applied.knows(job, DEPLOYMENT), "it was never applied");
    }

    #[test]
    fn a_child_or_a_whole_job_is_forgotten() {
        let (applied, [job, other]) = (AppliedHashes::default(), [1, 2].map(Uuid::from_u128));
        let all = [(job, BUDGET), (job, DEPLOYMENT), (other, BUDGET)];
        all.iter().for_each(|(uid, kind)| applied.record(*uid, kind, [1; 32]));
        applied.forget(job, Some(BUDGET));
        assert_eq!(all.map(|(uid, kind)| applied.knows(uid, kind)), [false, true, true]);
        applied.forget(job, None);
        assert_eq!(all.map(|(uid, kind)| applied.knows(uid, kind)), [false, false, true]);
    }

    #[test]
    fn a_deployment_is_created_with_no_replicas_and_the_fields_that_it_must_have_or_that_confine_it() {
        let job = valid_job("{spec: {workers: {template: {nodeSelector: {disk: ssd}}}}}");
        let staffing = Staffing {
            image: "worker:1",
            scaler: Scaler::Direct,
            max_workers: 1,
            scaling_url: None,
            otlp_endpoint: None,
            allow_owner: false,
            token_audience: None,
            kms_directory: None,
            pods: None,
        };
        let whole = children(&job, &staffing).deployment.unwrap();
        let created = minimal(&whole);
        assert_eq!(created.metadata, whole.metadata);
        let (spec, whole) = (created.spec.unwrap(), whole.spec.unwrap());
        assert_eq!((spec.replicas, spec.strategy), (Some(0), None));
        assert_eq!(spec.template.metadata.unwrap().labels, whole.selector.match_labels);
        assert_eq!(spec.selector, whole.selector);
        let pod = whole.template.spec.unwrap();
        assert!(pod.security_context.is_some() && pod.containers[0].security_context.is_some());
        let worker = Container {
            name: "worker".to_owned(),
            image: Some("worker:1".to_owned()),
            security_context: pod.containers[0].security_context.clone(),
            ..Container::default()
        };
        let confined = PodSpec {
            automount_service_account_token: Some(false),
            security_context: pod.security_context,
            containers: vec![worker],
            ..PodSpec::default()
        };
        assert_eq!(spec.template.spec.unwrap(), confined);
    }
}
