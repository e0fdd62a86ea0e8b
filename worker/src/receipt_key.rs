//! The receipt key under its lease, for whoever makes a receipt or a checkpoint.

use vaultstream_api::Reason;
use vaultstream_ledger::Lease;
use vaultstream_signing::PrivateKey;

use crate::{
    evidence::Doubt,
    session::{Session, SessionError},
};

/// The receipt key under its lease. `None` when it is damaged, and set aside.
pub(crate) async fn open(session: &Session, lease: &Lease) -> Result<Option<(Lease, PrivateKey)>, SessionError> {
    match session.keys.material(lease.clone()).await {
        Err(error) if error.is_damage() => {
            session.keys.set_aside(lease, &error).await?;
            Ok(None)
        }
        material => material.map(|(lease, private, _)| Some((lease, private))).map_err(Into::into),
    }
}

/// Ends the job, whose ledger holds what no worker made.
pub(crate) async fn refuse(session: &Session, lease: &Lease, doubt: &Doubt) -> Result<SessionError, SessionError> {
    let why = format!("the ledger holds what no worker of the job made, so it gets no receipt: {doubt}");
    session.fail(lease, Reason::LedgerAltered, &why).await
}
