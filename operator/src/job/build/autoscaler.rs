//! The HorizontalPodAutoscaler that follows a job's backlog, and its lag if there is a target for it, on our external metrics.

use k8s_openapi::{
    api::autoscaling::v2::{
        CrossVersionObjectReference, ExternalMetricSource, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec,
        MetricIdentifier, MetricSpec, MetricTarget,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::LabelSelector},
};
use vaultstream_api::{Autoscaling, ChildNames, names::JOB_LABEL};

use crate::{
    job::{
        build::common::{bounds, metadata},
        validate::ValidJob,
    },
    metrics_api::{BACKLOG_RECORDS, DESIRED_WORKERS, LAG_MILLISECONDS},
};

/// `max_workers` bounds maxReplicas.
pub(super) fn autoscaler(job: &ValidJob, max_workers: u32) -> HorizontalPodAutoscaler {
    let names = ChildNames::of(&job.name);
    let (min, max) = bounds(job, max_workers);
    HorizontalPodAutoscaler {
        metadata: metadata(job, names.scaler),
        spec: HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some("apps/v1".to_owned()),
                kind: "Deployment".to_owned(),
                name: names.workers,
            },
            min_replicas: Some(min),
            max_replicas: max,
            metrics: Some(metrics(job)),
            behavior: job.spec.autoscaling.behavior.clone(),
        },
        status: None,
    }
}

/// The most workers that one of them asks for are wanted.
fn metrics(job: &ValidJob) -> Vec<MetricSpec> {
    let Autoscaling { target_backlog, target_drain, target_lag, .. } = &job.spec.autoscaling;
    // A deadline needs the measured rate. Only the metric of desired workers takes that into account, and the lag, too.
    if target_drain.is_some() {
        return vec![external(job, DESIRED_WORKERS, per_worker(1))];
    }
    let lag = target_lag.map(|target| external(job, LAG_MILLISECONDS, in_all(target.as_std().as_millis())));
    [Some(external(job, BACKLOG_RECORDS, per_worker(*target_backlog))), lag].into_iter().flatten().collect()
}

/// The value, divided by the number of workers, is to be this.
fn per_worker(target: u64) -> MetricTarget {
    MetricTarget {
        type_: "AverageValue".to_owned(),
        average_value: Some(Quantity(target.to_string())),
        ..MetricTarget::default()
    }
}

/// The value is to be this: the autoscaler multiplies the number of workers by their ratio.
fn in_all(target: u128) -> MetricTarget {
    MetricTarget { type_: "Value".to_owned(), value: Some(Quantity(target.to_string())), ..MetricTarget::default() }
}

fn external(job: &ValidJob, metric: &str, target: MetricTarget) -> MetricSpec {
    let selector = LabelSelector {
        match_labels: Some([(JOB_LABEL.to_owned(), job.name.to_string())].into()),
        ..LabelSelector::default()
    };
    let metric = MetricIdentifier { name: metric.to_owned(), selector: Some(selector) };
    MetricSpec {
        type_: "External".to_owned(),
        external: Some(ExternalMetricSource { metric, target }),
        ..MetricSpec::default()
    }
}
