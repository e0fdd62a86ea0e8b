//! The HorizontalPodAutoscaler that follows a job's backlog on our external metrics.

use k8s_openapi::{
    api::autoscaling::v2::{
        CrossVersionObjectReference, ExternalMetricSource, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec,
        MetricIdentifier, MetricSpec, MetricTarget,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::LabelSelector},
};
use vaultstream_api::{ChildNames, names::JOB_LABEL};

use crate::{
    job::{
        build::common::{bounds, metadata},
        validate::ValidJob,
    },
    metrics_api::{BACKLOG_RECORDS, DESIRED_WORKERS},
};

/// `max_workers` bounds maxReplicas.
pub(super) fn autoscaler(job: &ValidJob, max_workers: u32) -> HorizontalPodAutoscaler {
    let names = ChildNames::of(&job.name);
    // A deadline needs the measured rate. Only the metric of desired workers takes that into account.
    let (metric, target) = match &job.spec.autoscaling.target_drain {
        Some(_) => (DESIRED_WORKERS, 1),
        None => (BACKLOG_RECORDS, job.spec.autoscaling.target_backlog),
    };
    let external = ExternalMetricSource {
        metric: MetricIdentifier {
            name: metric.to_owned(),
            selector: Some(LabelSelector {
                match_labels: Some([(JOB_LABEL.to_owned(), job.name.to_string())].into()),
                ..LabelSelector::default()
            }),
        },
        target: MetricTarget {
            type_: "AverageValue".to_owned(),
            average_value: Some(Quantity(target.to_string())),
            ..MetricTarget::default()
        },
    };
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
            metrics: Some(vec![MetricSpec {
                type_: "External".to_owned(),
                external: Some(external),
                ..MetricSpec::default()
            }]),
            behavior: job.spec.autoscaling.behavior.clone(),
        },
        status: None,
    }
}
