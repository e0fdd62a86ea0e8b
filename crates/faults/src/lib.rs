//! Named points of the flow at which a test can kill, stop or end the process.
//!
//! A plain build compiles [`point`] to nothing. With the feature `enabled`, which only tests turn on, the variable
//! `VAULTSTREAM_FAULT=name[:n]=kill|stop|exit|slow` picks one point and what happens there at the `n`-th pass (1, unless said), or with
//! `slow` from then on.

#[cfg(feature = "enabled")]
mod armed;
#[cfg(feature = "enabled")]
mod records;

/// Marks the fault point `name`; does nothing unless the feature `enabled` is on and `VAULTSTREAM_FAULT` names it.
#[inline(always)]
pub fn point(name: &str) {
    #[cfg(feature = "enabled")]
    armed::pass(name);
    #[cfg(not(feature = "enabled"))]
    let _ = name;
}

/// The ids of records whose signatures a test wants broken (`VAULTSTREAM_FAULT_RECORDS`); always empty in a plain build.
#[inline(always)]
pub fn broken_records() -> &'static [i64] {
    #[cfg(feature = "enabled")]
    return records::broken();
    #[cfg(not(feature = "enabled"))]
    &[]
}
