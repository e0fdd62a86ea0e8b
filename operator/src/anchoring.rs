//! Asks timestamping authorities to confirm the receipts of this cluster's jobs, as long as this replica leads. What is pending stands in
//! the ledger, so that a new leader continues.

use std::{path::Path, time::Duration};

use vaultstream_lifecycle::Anchoring;
use vaultstream_program::chain;

use crate::job::context::Context;

/// How often the ledger is asked for anchors that are due.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The key of the connection Secret with the certificates by which authorities behind https are known.
const CA_FILE: &str = "tsa-ca.crt";

/// Asks the authorities that the settings allow.
pub(crate) async fn anchor_for_ever(ctx: &Context, connection: &Path) {
    if ctx.allowed_tsas.is_empty() {
        return std::future::pending().await;
    }
    loop {
        if let Ok(ledger) = ctx.dependencies.ledger() {
            let ca = Some(connection.join(CA_FILE)).filter(|file| file.exists());
            match Anchoring::new(ledger, ca).round(&ctx.cluster, &ctx.namespaces, &ctx.allowed_tsas).await {
                Ok(asked) => asked.iter().for_each(|anchor| ctx.requeue.requeue(&anchor.namespace, &anchor.name)),
                Err(error) => tracing::debug!(error = chain(&error), "anchors could not be read or stored"),
            }
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
