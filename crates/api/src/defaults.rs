//! Every default of the spec, on one screen. serde and the generated schema both read these, so they cannot differ.

use std::time::Duration;

use crate::duration::GoDuration;
use crate::rejected::MaxRejected;

pub(crate) fn batch_size() -> u32 {
    500
}
pub(crate) fn max_payload_bytes() -> u32 {
    1 << 20
}
pub(crate) fn payload_bytes() -> u32 {
    64
}
pub(crate) fn table_schema() -> String {
    "public".to_owned()
}
pub(crate) fn key_count() -> u32 {
    100
}
pub(crate) fn lease_records() -> u32 {
    10_000
}
pub(crate) fn lease_duration() -> GoDuration {
    GoDuration::from_std(Duration::from_secs(60))
}
pub(crate) fn concurrent_records() -> u32 {
    10
}
pub(crate) fn signers() -> u32 {
    8
}
pub(crate) fn concurrent_keys() -> u32 {
    5
}
pub(crate) fn max_attempts() -> u32 {
    5
}
pub(crate) fn initial_backoff() -> GoDuration {
    GoDuration::from_std(Duration::from_millis(200))
}
pub(crate) fn max_backoff() -> GoDuration {
    GoDuration::from_std(Duration::from_secs(30))
}
pub(crate) fn max_rejected() -> MaxRejected {
    MaxRejected::Records(0)
}
pub(crate) fn min_replicas() -> u32 {
    0
}
pub(crate) fn max_replicas() -> u32 {
    10
}
pub(crate) fn target_backlog() -> u64 {
    50_000
}
pub(crate) fn max_delay() -> GoDuration {
    GoDuration::from_std(Duration::from_secs(1))
}
pub(crate) fn checkpoint_every() -> GoDuration {
    GoDuration::from_std(Duration::from_secs(60))
}
pub(crate) fn checkpoint_records() -> u64 {
    1_000_000
}
pub(crate) fn reconcile_every() -> GoDuration {
    GoDuration::from_std(Duration::from_secs(24 * 60 * 60))
}
pub(crate) fn connection_secret() -> String {
    crate::names::CONNECTION_SECRET.to_owned()
}
pub(crate) fn issuer_kind() -> String {
    "Issuer".to_owned()
}
pub(crate) fn issuer_group() -> String {
    "cert-manager.io".to_owned()
}
