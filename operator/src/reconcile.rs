//! One SigningJob, from what is stored to what is there. Lifecycle steps run elsewhere (`work`); this only reads how far they
//! are.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{
    Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        controller::Action,
        events::{Event, EventType},
    },
};
use uuid::Uuid;
use vaultstream_api::{ConditionType, Phase, Reason, SigningJob, SigningJobStatus};
use vaultstream_ledger::JobState;

use crate::{
    apply::{self, ApplyError},
    build, cleanup,
    context::Context,
    dependencies::Fault,
    dereference::Seen,
    scale::{self, Load},
    scaling::{self, ScaleError},
    status::{self, Facts, StatusError},
    validate::{self, Valid},
    work::View,
};

/// While a job goes on, it is looked at so often. What has not changed is not written.
const LOOK: Duration = Duration::from_secs(1);
/// An annotation that keeps the operator's hands off: its value is `paused`.
const RECONCILE: &str = "vaultstream.dev/reconcile";

/// Why a reconcile failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconcileError {
    /// The finalizer could not be set or removed.
    #[error("failed to change the finalizers")]
    Finalizer(#[source] kube::Error),
    /// A child could not be applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The number of workers could not be written.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// The status could not be written.
    #[error(transparent)]
    Status(#[from] StatusError),
}

impl ReconcileError {
    /// For metrics.
    pub(crate) fn step(&self) -> &'static str {
        match self {
            Self::Finalizer(_) => "finalizer",
            Self::Apply(_) => "apply",
            Self::Scale(_) => "scale",
            Self::Status(_) => "status",
        }
    }
}

/// Reconciles one object.
pub(crate) async fn reconcile(
    object: Arc<DeserializeGuard<SigningJob>>,
    ctx: Arc<Context>,
) -> Result<Action, ReconcileError> {
    let _time = ctx.metrics.reconcile_seconds.start_timer();
    let job = match &object.0 {
        Ok(job) => job,
        Err(invalid) => {
            tracing::warn!(namespace = object.namespace(), name = object.name_any(), error = %invalid.error, "not a SigningJob that this program can read");
            return Ok(Action::await_change());
        }
    };
    if job.metadata.deletion_timestamp.is_some() {
        return cleanup::clean_up(&ctx, job).await;
    }
    if job.annotations().get(RECONCILE).is_some_and(|value| value == "paused") {
        return Ok(Action::await_change());
    }
    cleanup::ensure_finalizer(&ctx, job).await?; //                                        client
    let (valid, view) = match validate::check(job) {
        //                                                                                 pure
        Ok(valid) if valid.status.phase.is_some_and(Phase::is_final) => return rest(&ctx, &valid).await,
        Ok(valid) => {
            let view = ctx.fleet.see(&valid.order()); //                                   memory
            (valid, view)
        }
        Err(invalid) => return refuse(&ctx, job, &invalid.to_string()).await,
    };
    let seen = ctx.live.of(&valid); //                                                     memory
    let plan = plan(&ctx, &valid, &view, &seen); //                                        pure
    let wanted = build::children(&valid, &plan.image, plan.at_work); //                    pure
    apply::apply(&ctx.client, &ctx.applied, &valid, wanted, &seen).await?; //              client
    if let Some(workers) = plan.workers {
        scaling::scale(&ctx.client, &valid, &seen, workers).await?; //                     client
    }
    let facts = Facts {
        job: &valid,
        view: &view,
        seen: &seen,
        wanted: plan.workers.unwrap_or(0),
        image: plan.at_work.then_some(plan.image.as_str()),
        now: Timestamp::now(),
    };
    let status = status::compute(&facts); //                                               pure
    publish(&ctx, job, &valid, &status).await?; //                                         client
    ctx.failures.clear(valid.uid);
    Ok(Action::requeue(LOOK))
}

/// What a job needs just now.
struct Plan {
    /// Whether it has children.
    at_work: bool,
    image: String,
    /// How many workers; none leaves the number as it is, for what is not known is not zero.
    workers: Option<u32>,
}

fn plan(ctx: &Context, job: &Valid, view: &View, seen: &Seen) -> Plan {
    let row = view.job.as_ref();
    let at_work = row.is_some_and(|row| {
        matches!(row.state, JobState::Signing | JobState::Finishing) && !row.suspended && view.queued.is_none()
    });
    // Before the ledger was read, what is there stays.
    let at_work = at_work || (row.is_none() && seen.deployment.is_some() && !job.spec.suspend);
    // A running job keeps the image it began with.
    let image = match (&job.status.worker_image, &seen.deployment) {
        (Some(image), Some(_)) => image.clone(),
        _ => ctx.worker_image.clone(),
    };
    let workers = match (row.map(|row| row.state), &view.progress, &view.fault) {
        _ if !at_work => Some(0),
        (_, _, Some(_)) | (None, ..) | (_, None, _) => None,
        // Somebody has to make the receipt.
        (Some(JobState::Finishing), ..) => Some(1),
        (Some(_), Some(progress), None) => {
            let backlog = progress.backlog.unsigned_abs();
            let load = Load {
                backlog,
                rate_per_worker: view.rate.filter(|_| seen.ready > 0).map(|rate| rate as f64 / f64::from(seen.ready)),
                time_left: time_left(job, row),
            };
            // The last batches may still be on their way to the ledger: one worker stays until all are signed.
            Some(scale::workers(&job.spec, &load).max(1))
        }
    };
    let workers = workers.map(|wanted| ctx.fleet.allot(job.uid, wanted, ctx.worker_limit));
    Plan { at_work, image, workers }
}

fn time_left(job: &Valid, row: Option<&vaultstream_ledger::Job>) -> Option<Duration> {
    let drain = job.spec.autoscaling.target_drain.as_ref()?.as_std();
    let begun = row?.times.published?;
    Some(drain.saturating_sub(begun.elapsed().unwrap_or_default()))
}

/// A job that has ended: nothing of it is left but its TTL.
async fn rest(ctx: &Context, job: &Valid) -> Result<Action, ReconcileError> {
    ctx.fleet.dismiss(job.uid).await;
    let seen = ctx.live.of(job);
    apply::apply(&ctx.client, &ctx.applied, job, build::Children::default(), &seen).await?;
    if seen.pods > 0 || seen.deployment.is_some() {
        return Ok(Action::requeue(LOOK));
    }
    let status = SigningJobStatus { replicas: Some(0), rate_per_second: None, ..job.status.clone() };
    ctx.publisher.publish(&ctx.client, job, &status).await?;
    ctx.applied.forget(job.uid, None);
    Ok(match status::delete_when_due(&ctx.client, job, &job.status, Timestamp::now()).await? {
        Some(left) => Action::requeue(left + Duration::from_secs(1)),
        None => Action::await_change(),
    })
}

/// A job that breaks a rule the API server did not know when it was written.
async fn refuse(ctx: &Context, job: &SigningJob, why: &str) -> Result<Action, ReconcileError> {
    tracing::warn!(namespace = job.namespace(), name = job.name_any(), why, "a SigningJob is refused");
    announce(ctx, job, EventType::Warning, Reason::InvalidSpec.as_str(), why).await;
    Ok(Action::await_change())
}

/// Writes the status, and an Event for a phase or a fault that is new.
async fn publish(
    ctx: &Context,
    job: &SigningJob,
    valid: &Valid,
    status: &SigningJobStatus,
) -> Result<(), ReconcileError> {
    if !ctx.publisher.publish(&ctx.client, valid, status).await? {
        return Ok(());
    }
    if let (Some(phase), true) = (status.phase, status.phase != valid.status.phase) {
        let note = match phase {
            Phase::Failed => condition(status, ConditionType::Failed).map(|failed| failed.message.clone()),
            _ => None,
        };
        let kind = if phase == Phase::Failed { EventType::Warning } else { EventType::Normal };
        announce(ctx, job, kind, phase.as_str(), &note.unwrap_or_else(|| format!("the job is {phase}"))).await;
    }
    let fault = fault(status);
    if fault.is_some()
        && fault != self::fault(&valid.status)
        && let Some(Fault { reason, message }) = fault
    {
        announce(ctx, job, EventType::Warning, reason.as_str(), &message).await;
    }
    Ok(())
}

/// What the conditions say that is wrong.
fn fault(status: &SigningJobStatus) -> Option<Fault> {
    [ConditionType::Ready, ConditionType::WorkersAvailable].into_iter().find_map(|type_| {
        let condition = condition(status, type_)?;
        let reason = Reason::ALL.iter().find(|reason| reason.as_str() == condition.reason)?;
        let calm = [
            Reason::Progressing,
            Reason::Finished,
            Reason::Queued,
            Reason::SuspendRequested,
            Reason::WorkersReady,
            Reason::WorkersStarting,
            Reason::NoWorkersWanted,
            Reason::TooManyRejects,
            Reason::Deleting,
        ];
        (!calm.contains(reason)).then(|| Fault::new(*reason, condition.message.clone()))
    })
}

fn condition(status: &SigningJobStatus, type_: ConditionType) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == type_.as_str())
}

/// An Event; that it cannot be stored stops nothing.
async fn announce(ctx: &Context, job: &SigningJob, type_: EventType, reason: &str, note: &str) {
    let event = Event {
        type_,
        reason: reason.to_owned(),
        // The API takes 1,024 bytes.
        note: Some(note.chars().take(900).collect()),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    if let Err(error) = ctx.recorder.publish(&event, &job.object_ref(&())).await {
        tracing::debug!(%error, "an Event was refused");
    }
}

/// When to try an object again that failed.
pub(crate) fn error_policy(
    object: Arc<DeserializeGuard<SigningJob>>,
    error: &ReconcileError,
    ctx: Arc<Context>,
) -> Action {
    ctx.metrics.reconcile_errors.with_label_values(&[error.step()]).inc();
    let uid = object.uid().as_deref().and_then(|uid| Uuid::parse_str(uid).ok()).unwrap_or_default();
    let pause = ctx.failures.pause(uid);
    tracing::warn!(
        namespace = object.namespace(), name = object.name_any(), error = crate::chain(error), retry_in = ?pause,
        "reconcile failed"
    );
    Action::requeue(pause)
}
