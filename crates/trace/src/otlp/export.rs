//! The export over OTLP: settings, and one line of log when the endpoint goes away or comes back.

use std::{
    env,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use opentelemetry::KeyValue;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter as Export},
};

use super::share::Share;
use crate::StartError;

/// Either turns the export on.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/// How long the end of a program waits for its last spans.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// The export of traces. What is under way when the process ends is lost unless it is shut down.
#[derive(Debug)]
pub struct Tracing(SdkTracerProvider);

impl Tracing {
    pub(super) fn new(provider: SdkTracerProvider) -> Self {
        Self(provider)
    }

    /// Exports what is left, for a second at most.
    pub fn shut_down(self) {
        if let Err(error) = self.0.shutdown_with_timeout(SHUTDOWN_TIMEOUT) {
            tracing::debug!(%error, "the last traces were not exported");
        }
    }
}

/// What makes spans, and the share of batches and reconciles that have one unless a sampler decides. `None` when nothing says where
/// they should go.
pub(super) fn provider(program: &'static str) -> Result<Option<(SdkTracerProvider, Option<Share>)>, StartError> {
    let is_set = |name: &&str| env::var(name).is_ok_and(|value| !value.is_empty());
    let is_disabled = env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    if is_disabled || !ENDPOINTS.iter().any(is_set) {
        return Ok(None);
    }
    let exporter = SpanExporter::builder().with_tonic().build().map_err(|error| StartError(error.to_string()))?;
    let mut resource = Resource::builder();
    if !is_set(&"OTEL_SERVICE_NAME") {
        resource = resource.with_service_name(program);
    }
    let resource = resource.with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))).build();
    let exporter = Reporting { exporter, is_away: AtomicBool::new(false) };
    let mut provider = SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter);
    let share =
        (!is_set(&"OTEL_TRACES_SAMPLER")).then(|| Share::new(env::var("OTEL_TRACES_SAMPLER_ARG").ok().as_deref()));
    if share.is_some() {
        // What begins a trace was chosen before it is made.
        provider = provider.with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)));
    }
    Ok(Some((provider.build(), share)))
}

/// Logs when the endpoint goes away, and when it is back: not each failure.
#[derive(Debug)]
struct Reporting<E> {
    exporter: E,
    is_away: AtomicBool,
}

impl<E: Export> Export for Reporting<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.exporter.export(batch).await;
        let was_away = self.is_away.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Err(error) if !was_away => tracing::warn!(%error, "traces cannot be exported; they are dropped meanwhile"),
            Ok(()) if was_away => tracing::info!("traces are exported again"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
