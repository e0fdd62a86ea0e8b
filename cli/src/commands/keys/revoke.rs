//! `vaultstream keys revoke`: a key that must sign nothing more.

use std::process::ExitCode;
use std::time::Duration;

use vaultstream_ledger::{
    revocation::{self, Revoked},
    verify::public_keys,
};
use vaultstream_signing::PublicKey;

use crate::{args::RevokeArgs, error::Failure, job::title, ledger, output};

/// The delay before a key is tried again that a worker is committing with.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// Revokes the key. A repeat changes nothing.
///
/// # Errors
/// One sentence.
pub(crate) async fn revoke(args: RevokeArgs) -> Result<ExitCode, Failure> {
    let reason = args.reason.trim();
    if reason.is_empty() {
        return Err(Failure::bad_input("--reason must say why the key is revoked"));
    }
    let opened = ledger::open(&args.ledger).await?;
    let job = ledger::find(&opened.ledger, &args.job).await?;
    let keys = public_keys(&opened.ledger, job.id).await.map_err(|error| Failure::of(&error))?;
    let wanted = |public: &[u8]| PublicKey::from_spki_der(public).is_ok_and(|key| key.thumbprint() == args.key);
    let Some(key) = keys.iter().find(|key| wanted(&key.public_key)) else {
        return Err(Failure::bad_input(format!("{} has no key with the id {}", title(&job), args.key)));
    };
    loop {
        let revoked = revocation::revoke(&opened.ledger, job.id, key.id, reason, args.compromised).await;
        match revoked.map_err(|error| Failure::of(&error))? {
            Revoked::Done => break,
            Revoked::Busy => tokio::time::sleep(RETRY_INTERVAL).await,
            Revoked::Before => {
                output::remark(format_args!("key {} was revoked before; that revocation stays as it is", args.key));
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
    let signed = key.signed;
    output::line(format_args!("key {} is revoked; it had made {signed} signatures", args.key))?;
    Ok(ExitCode::SUCCESS)
}
