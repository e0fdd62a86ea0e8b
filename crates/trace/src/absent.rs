//! In place of OpenTelemetry in a build without it: nothing is ever recorded.

use uuid::Uuid;

use crate::StartError;

/// Why a build without OpenTelemetry that is told to export says so.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Has no values: this build records nothing.
#[derive(Debug)]
pub(crate) enum Recorded {}

/// Has no values either.
#[derive(Clone, Debug)]
pub(crate) enum Reference {}

/// The export of traces, which this build does not have.
#[derive(Debug)]
pub enum Tracing {}

impl Tracing {
    /// Exports what is left.
    pub fn shut_down(self) {
        match self {}
    }
}

/// Starts nothing, and says so where an endpoint is set.
///
/// # Errors
/// Never.
pub fn start(_: &'static str) -> Result<Option<Tracing>, StartError> {
    if std::env::var_os(ENDPOINT).is_some() {
        tracing::warn!("{ENDPOINT} is set, but this program was built without OpenTelemetry");
    }
    Ok(None)
}

pub(crate) fn job(_: &str, _: Uuid) -> Option<Recorded> {
    None
}

pub(crate) fn reconcile(_: &str, _: &str) -> Option<Recorded> {
    None
}

pub(crate) fn publish(_: Option<&Reference>, _: Uuid, _: i64) -> Option<Recorded> {
    None
}

pub(crate) fn batch(_: &str, _: i64, _: i64) -> Option<Recorded> {
    None
}

pub(crate) fn child(span: &Recorded, _: &'static str) -> Recorded {
    match *span {}
}

pub(crate) fn refer_to(span: &Recorded) -> Reference {
    match *span {}
}

pub(crate) fn link(span: &Recorded, _: &Reference) {
    match *span {}
}

pub(crate) fn trace_id(span: &Recorded) -> u128 {
    match *span {}
}

pub(crate) fn fail(span: &Recorded, _: String) {
    match *span {}
}

pub(crate) fn traceparent(span: &Recorded) -> String {
    match *span {}
}
