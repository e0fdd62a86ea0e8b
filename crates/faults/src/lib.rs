//! Named points of the flow at which a test can kill, stop or end the process.
//!
//! A plain build compiles [`point`] to nothing. With the feature `enabled`, which only tests turn on, the variable
//! `VAULTSTREAM_FAULT=name[:n]=kill|stop|exit|slow` picks one point and what happens there at the `n`-th pass (1, unless said), or with
//! `slow` from then on.

#[cfg(feature = "enabled")]
mod armed;
#[cfg(feature = "enabled")]
mod lane;
#[cfg(feature = "enabled")]
mod records;
#[cfg(feature = "enabled")]
mod refusal;

/// Marks the fault point `name`; does nothing unless the feature `enabled` is on and `VAULTSTREAM_FAULT` names it.
#[inline(always)]
pub fn point(name: &str) {
    #[cfg(feature = "enabled")]
    armed::pass(name);
    #[cfg(not(feature = "enabled"))]
    let _ = name;
}

/// Spoils the signatures of the records that a test names (`VAULTSTREAM_FAULT_RECORDS=17,23`); does nothing in a plain build.
/// `signatures` are in the order of `ids`.
#[inline(always)]
pub fn spoil<'a>(ids: &[i64], signatures: impl Iterator<Item = &'a mut [u8; 64]>) {
    #[cfg(feature = "enabled")]
    records::spoil(ids, signatures);
    #[cfg(not(feature = "enabled"))]
    let _ = (ids, signatures);
}

/// Spoils one signature of every eight that a backend makes, as a broken lane of a processor would
/// (`VAULTSTREAM_FAULT_LANE=native:3`); does nothing in a plain build. `signatures` are what one call made.
#[inline(always)]
pub fn spoil_lane<'a>(backend: &str, signatures: impl Iterator<Item = &'a mut [u8; 64]>) {
    #[cfg(feature = "enabled")]
    lane::spoil(backend, signatures);
    #[cfg(not(feature = "enabled"))]
    let _ = (backend, signatures);
}

/// Whether a backend refuses to sign, as one does that has computed wrongly (`VAULTSTREAM_FAULT_REFUSAL=engine,native`); false in a plain build.
#[inline(always)]
pub fn refuses(backend: &str) -> bool {
    #[cfg(feature = "enabled")]
    return refusal::is_chosen(backend);
    #[cfg(not(feature = "enabled"))]
    {
        let _ = backend;
        false
    }
}
