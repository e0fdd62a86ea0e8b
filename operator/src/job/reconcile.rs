//! The reconcile of one SigningJob: from the stored object to its children and its status. Lifecycle steps run in the job's
//! task; a reconcile only reads the task's snapshot.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use kube::{
    ResourceExt,
    core::DeserializeGuard,
    runtime::{controller::Action, events::EventType},
};
use uuid::Uuid;
use vaultstream_api::{ConditionType, Phase, Reason, SigningJob, SigningJobStatus, names::RECONCILE};
use vaultstream_program::chain;
use vaultstream_trace::Span;

use crate::{
    fault::ConditionFault,
    job::{
        apply::{self, ApplyOutcome},
        build::{self, DesiredChildren, Staffing},
        cleanup,
        context::Context,
        ended,
        error::ReconcileError,
        events::{announce, condition, new_fault, new_phase},
        finalizer, plan,
        retry_annotation::{self, RetryOutcome},
        scale,
        status::{self, StatusInputs, StoredStatus, WriteOutcome},
        validate::{self, ValidJob},
    },
    scaling::scaler_selection::select_scaler,
};

/// How often a job with children is reconciled. A status that has not changed is not written.
const ACTIVE_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often any other job is reconciled. Its task requeues it when there is a new snapshot.
const IDLE_POLL_INTERVAL: Duration = Duration::from_secs(15);
/// The conditions whose faults are announced, that of the whole job first.
const ANNOUNCED: [ConditionType; 6] = [
    ConditionType::Ready,
    ConditionType::WorkersAvailable,
    ConditionType::Scaling,
    ConditionType::Certified,
    ConditionType::Following,
    ConditionType::Stalled,
];

/// Reconciles one object.
pub(crate) async fn reconcile(
    object: Arc<DeserializeGuard<SigningJob>>,
    ctx: Arc<Context>,
) -> Result<Action, ReconcileError> {
    let begun = Instant::now();
    let trace = Span::reconcile(&object.namespace().unwrap_or_default(), &object.name_any());
    let reconciled = reconcile_object(&object, &ctx, &trace).await;
    ctx.metrics.reconcile_seconds.observe(&[], begun.elapsed().as_secs_f64(), trace.trace_id());
    reconciled.inspect_err(|error| trace.fail(chain(error)))
}

async fn reconcile_object(
    object: &DeserializeGuard<SigningJob>,
    ctx: &Context,
    trace: &Span,
) -> Result<Action, ReconcileError> {
    let job = match &object.0 {
        Ok(job) => job,
        Err(invalid) => {
            tracing::warn!(namespace = object.namespace(), name = object.name_any(), error = %invalid.error, "not a SigningJob that this program can read");
            return Ok(Action::await_change());
        }
    };
    if job.metadata.deletion_timestamp.is_some() {
        return cleanup::clean_up(ctx, job).await;
    }
    if job.annotations().get(RECONCILE).is_some_and(|value| value == "paused") {
        return Ok(Action::await_change());
    }
    let missing_field = ctx.missing_field.borrow().clone();
    if let Some(field) = missing_field {
        let why =
            format!("the SigningJob type in this cluster has no {field}: upgrade its CRD to the operator's release");
        refuse(ctx, job, &ConditionFault::new(Reason::TypeOutdated, why)).await?;
        return Ok(Action::requeue(IDLE_POLL_INTERVAL));
    }
    if !finalizer::ensure(&ctx.client, job).await.map_err(ReconcileError::Finalizer)? {
        // The watch brings the object with its finalizer, unless it is gone.
        return Ok(Action::requeue(IDLE_POLL_INTERVAL));
    }
    match validate::validate(job) {
        Ok(valid) if valid.status.phase.is_some_and(Phase::is_final) => ended::reconcile_ended(ctx, job, &valid).await,
        Ok(valid) => reconcile_running(ctx, job, &valid, trace).await,
        Err(invalid) => refuse(ctx, job, &ConditionFault::new(Reason::InvalidSpec, invalid.to_string())).await,
    }
}

/// Reconciles a job that has not ended. The comment at each stage says what it uses.
async fn reconcile_running(
    ctx: &Context,
    object: &SigningJob,
    job: &ValidJob,
    trace: &Span,
) -> Result<Action, ReconcileError> {
    // Memory.
    let snapshot = ctx.supervisor.ensure_running(&job.request(), job.known_progress());
    trace.link_to(&snapshot.trace);
    let observed = ctx.children.observe(job);
    let load = ctx.backlog.get(job.uid);
    // Pure, except for the workers granted to other jobs.
    let need = plan::need(job, &snapshot, &observed, &load);
    let selection = select_scaler(job.spec.autoscaling.mode, job.status.scaling_mode, &ctx.capabilities.borrow());
    let grant = ctx.supervisor.grant_workers(job.uid, need.workers, ctx.worker_limit);
    let image = plan::image(job, &observed, &ctx.worker_image);
    let staffing = Staffing {
        image: &image,
        scaler: selection.scaler,
        max_workers: grant.max,
        scaling_url: ctx.scaling_url.as_deref(),
        otlp_endpoint: ctx.otlp_endpoint.as_deref(),
        allow_owner: ctx.allow_owner,
        token_audience: ctx.token_audience.as_deref(),
        kms_directory: ctx.kms_directory.as_deref(),
        pods: Some(&ctx.worker_pods),
    };
    let desired = if need.children { build::children(job, &staffing) } else { DesiredChildren::default() };
    let replicas = plan::replicas(job, selection.scaler, &observed, grant.granted);
    // The API server.
    let applying = apply::apply(&ctx.client, &ctx.applied, job, desired, &observed);
    let outcome = trace.within("apply", applying).await?;
    if trace.within("scale", scale::write(&ctx.client, job, &observed, replicas)).await? {
        ctx.metrics.writes.with_label_values(&["scale"]).inc();
    }
    // Pure.
    let status = status::compute(&StatusInputs {
        job,
        snapshot: &snapshot,
        observed: &observed,
        load: load.as_ref().ok().and_then(Option::as_ref),
        // A ScaledObject that KEDA has not released still exists.
        selection: (need.children || outcome == ApplyOutcome::WaitingForKeda).then_some(&selection),
        wanted: replicas.or(observed.replicas()).unwrap_or(0),
        starved: need.workers.is_some_and(|workers| workers > 0) && grant.granted == Some(0),
        image: need.children.then_some(image.as_str()),
        now: Timestamp::now(),
    });
    // The API server.
    let outcome = trace.within("status", write_status(ctx, object, job, &status)).await?;
    if let (true, Some(rejects)) = (job.retry_rejects, snapshot.retried) {
        retry_annotation::acknowledge(ctx, object, job, RetryOutcome::Begun(rejects)).await?;
    }
    ctx.retry_delays.clear(job.uid);
    Ok(Action::requeue(match (need.children, outcome) {
        (true, _) => ACTIVE_POLL_INTERVAL,
        (false, WriteOutcome::Deferred(delay)) => delay,
        (false, _) => IDLE_POLL_INTERVAL,
    }))
}

/// Refuses a job that breaks a rule which the API server did not have when the job was written, or whose type is outdated.
async fn refuse(ctx: &Context, job: &SigningJob, why: &ConditionFault) -> Result<Action, ReconcileError> {
    let (Some(namespace), Some(uid)) =
        (job.namespace(), job.uid().as_deref().and_then(|uid| Uuid::parse_str(uid).ok()))
    else {
        return Ok(Action::await_change());
    };
    let name = job.name_any();
    let none = SigningJobStatus::default();
    let stored = StoredStatus {
        namespace: &namespace,
        name: &name,
        uid,
        version: job.metadata.resource_version.as_deref(),
        status: job.status.as_ref().unwrap_or(&none),
    };
    let refused = status::refused(job, why, Timestamp::now());
    match ctx.status_writer.write(&ctx.client, stored, &refused).await? {
        WriteOutcome::Written => {
            tracing::warn!(namespace, name, why = why.message, "a SigningJob was refused");
            announce(&ctx.recorder, job, EventType::Warning, why.reason.as_str(), &why.message).await;
        }
        WriteOutcome::Unchanged => {}
        WriteOutcome::Deferred(delay) => return Ok(Action::requeue(delay)),
    }
    Ok(Action::await_change())
}

/// Writes the status, and announces a new phase and a new fault.
async fn write_status(
    ctx: &Context,
    object: &SigningJob,
    job: &ValidJob,
    status: &SigningJobStatus,
) -> Result<WriteOutcome, ReconcileError> {
    let outcome = ctx.status_writer.write(&ctx.client, job.into(), status).await?;
    if outcome != WriteOutcome::Written {
        return Ok(outcome);
    }
    ctx.metrics.writes.with_label_values(&["status"]).inc();
    if let Some(phase) = new_phase(&job.status, status) {
        let note = match phase {
            Phase::Failed => condition(status, ConditionType::Failed).map(|failed| failed.message.clone()),
            _ => None,
        };
        let kind = if phase == Phase::Failed { EventType::Warning } else { EventType::Normal };
        let note = note.unwrap_or_else(|| format!("the job is {phase}"));
        announce(&ctx.recorder, object, kind, phase.as_str(), &note).await;
    }
    if let Some(ConditionFault { reason, message }) = new_fault(&job.status, status, &ANNOUNCED) {
        announce(&ctx.recorder, object, EventType::Warning, reason.as_str(), &message).await;
    }
    Ok(outcome)
}

/// When an object is reconciled again whose reconcile failed.
pub(crate) fn error_policy(
    object: Arc<DeserializeGuard<SigningJob>>,
    error: &ReconcileError,
    ctx: Arc<Context>,
) -> Action {
    ctx.metrics.reconcile_errors.with_label_values(&[error.step().as_str()]).inc();
    let uid = object.uid().as_deref().and_then(|uid| Uuid::parse_str(uid).ok()).unwrap_or_default();
    let delay = ctx.retry_delays.after_failure(uid);
    tracing::warn!(
        namespace = object.namespace(), name = object.name_any(), error = chain(error), retry_in = ?delay,
        "reconcile failed"
    );
    Action::requeue(delay)
}
