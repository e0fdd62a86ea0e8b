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
use vaultstream_api::{ConditionType, Phase, Reason, SigningJob, SigningJobStatus, names::RECONCILE};

use crate::{
    apply::{self, ApplyError, Progress},
    build::{self, Children, Staffing},
    cleanup,
    context::Context,
    dependencies::Fault,
    ended, plan,
    retry::{self, Retry, RetryError},
    scaling::{
        choice::choose,
        replicas::{self, ScaleError},
    },
    status::{self, Facts, Outcome, StatusError, Written},
    validate::{self, Valid},
};

/// While a job signs, it is looked at so often. What has not changed is not written.
const LOOK: Duration = Duration::from_secs(1);
/// A job that does not is looked at when its work has news (`wake`), and so often besides.
const REST: Duration = Duration::from_secs(15);

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
    /// An annotation could not be answered.
    #[error(transparent)]
    Retry(#[from] RetryError),
}

impl ReconcileError {
    /// Every step.
    pub(crate) const STEPS: [&str; 5] = ["finalizer", "apply", "scale", "status", "retry"];

    /// For metrics: one of [`Self::STEPS`].
    pub(crate) fn step(&self) -> &'static str {
        match self {
            Self::Finalizer(_) => "finalizer",
            Self::Apply(_) => "apply",
            Self::Scale(_) => "scale",
            Self::Status(_) => "status",
            Self::Retry(_) => "retry",
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
    let outdated = ctx.outdated.borrow().clone();
    if let Some(field) = outdated {
        let why =
            format!("the SigningJob type in this cluster has no {field}: upgrade its CRD to the operator's release");
        refuse(&ctx, job, &Fault::new(Reason::TypeOutdated, why)).await?;
        return Ok(Action::requeue(REST));
    }
    cleanup::ensure_finalizer(&ctx, job).await?; //                                        client
    let (valid, view) = match validate::check(job) {
        //                                                                                 pure
        Ok(valid) if valid.status.phase.is_some_and(Phase::is_final) => return ended::rest(&ctx, job, &valid).await,
        Ok(valid) => {
            let view = ctx.fleet.see(&valid.order(), valid.known()); //                   memory
            (valid, view)
        }
        Err(invalid) => return refuse(&ctx, job, &Fault::new(Reason::InvalidSpec, invalid.to_string())).await,
    };
    let seen = ctx.live.of(&valid); //                                                     memory
    let load = ctx.loads.of(valid.uid); //                                                 memory
    let need = plan::need(&valid, &view, &seen, &load); //                                 pure
    let choice = choose(valid.spec.autoscaling.mode, valid.status.scaling_mode, &ctx.offers.borrow()); //   pure
    let allotted = ctx.fleet.allot(valid.uid, need.workers, ctx.worker_limit); //          memory
    let image = plan::image(&valid, &seen, &ctx.worker_image); //                          pure
    let staffing =
        Staffing { image: &image, scaler: choice.scaler, most: allotted.most, scaling_url: ctx.scaling_url.as_deref() };
    let wanted = if need.at_work { build::children(&valid, &staffing) } else { Children::default() }; //    pure
    let progress = apply::apply(&ctx.client, &ctx.applied, &valid, wanted, &seen).await?; //   client
    let replicas = plan::replicas(&valid, choice.scaler, &seen, allotted.granted); //      pure
    let written = replicas::write(&ctx.client, &valid, &seen, replicas).await?; //         client
    if written {
        ctx.metrics.writes.with_label_values(&["scale"]).inc();
    }
    let facts = Facts {
        job: &valid,
        view: &view,
        seen: &seen,
        load: load.as_ref().ok().and_then(Option::as_ref),
        // A scaler that KEDA holds on to is still there.
        scaler: (need.at_work || progress == Progress::WaitingForKeda).then_some(&choice),
        wanted: replicas.or(seen.replicas()).unwrap_or(0),
        starved: need.workers.is_some_and(|workers| workers > 0) && allotted.granted == Some(0),
        image: need.at_work.then_some(image.as_str()),
        now: Timestamp::now(),
    };
    let status = status::compute(&facts); //                                               pure
    let outcome = publish(&ctx, job, &valid, &status).await?; //                           client
    if let (true, Some(rejects)) = (valid.retry_rejects, view.retried) {
        retry::answer(&ctx, job, &valid, Retry::Begun(rejects)).await?; //                 client
    }
    ctx.failures.clear(valid.uid);
    Ok(Action::requeue(match (need.at_work, outcome) {
        (true, _) => LOOK,
        (false, Outcome::Later(wait)) => wait,
        (false, _) => REST,
    }))
}

/// A job that breaks a rule the API server did not know when it was written, or whose type is not ours.
async fn refuse(ctx: &Context, job: &SigningJob, why: &Fault) -> Result<Action, ReconcileError> {
    let (Some(namespace), Some(uid)) =
        (job.namespace(), job.uid().as_deref().and_then(|uid| Uuid::parse_str(uid).ok()))
    else {
        return Ok(Action::await_change());
    };
    let name = job.name_any();
    let none = SigningJobStatus::default();
    let old = Written { namespace: &namespace, name: &name, uid, status: job.status.as_ref().unwrap_or(&none) };
    let refused = status::refused(job, why, Timestamp::now());
    if ctx.publisher.publish(&ctx.client, old, &refused).await? == Outcome::Written {
        tracing::warn!(namespace, name, why = why.message, "a SigningJob was refused");
        announce(ctx, job, EventType::Warning, why.reason.as_str(), &why.message).await;
    }
    Ok(Action::await_change())
}

/// Writes the status, and an Event for a phase or a fault that is new.
async fn publish(
    ctx: &Context,
    job: &SigningJob,
    valid: &Valid,
    status: &SigningJobStatus,
) -> Result<Outcome, ReconcileError> {
    let outcome = ctx.publisher.publish(&ctx.client, valid.into(), status).await?;
    if outcome != Outcome::Written {
        return Ok(outcome);
    }
    ctx.metrics.writes.with_label_values(&["status"]).inc();
    // That it is Pending is how a job begins, not news.
    let news = status.phase != valid.status.phase && status.phase != Some(Phase::Pending);
    if let (Some(phase), true) = (status.phase, news) {
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
    Ok(outcome)
}

/// What the conditions say that is wrong.
fn fault(status: &SigningJobStatus) -> Option<Fault> {
    [ConditionType::Ready, ConditionType::WorkersAvailable, ConditionType::Scaling].into_iter().find_map(|type_| {
        let condition = condition(status, type_)?;
        let reason: Reason = condition.reason.parse().ok()?;
        // How a job failed is told with its phase.
        let told = reason.is_fault() && reason != Reason::TooManyRejects;
        told.then(|| Fault::new(reason, condition.message.clone()))
    })
}

fn condition(status: &SigningJobStatus, type_: ConditionType) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == type_.as_str())
}

/// An Event; that it cannot be stored stops nothing.
pub(crate) async fn announce(ctx: &Context, job: &SigningJob, type_: EventType, reason: &str, note: &str) {
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
