//! `vaultstream keys`: a job's public keys, by which others verify its signatures.

pub(crate) mod rewrap;

use std::process::ExitCode;

use vaultstream_ledger::verify::public_keys;
use vaultstream_signing::{PublicKey, jwks};

use crate::{
    args::{KeyFormat, KeysArgs},
    error::Failure,
    ledger, output,
};

/// Prints the keys that signed, the receipt key first.
///
/// # Errors
/// One sentence.
pub(crate) async fn print(args: KeysArgs) -> Result<ExitCode, Failure> {
    let opened = ledger::open(&args.ledger).await?;
    let job = ledger::find(&opened.ledger, &args.job).await?;
    let rows = public_keys(&opened.ledger, job.id).await.map_err(|error| Failure::of(&error))?;
    let mut keys = Vec::with_capacity(rows.len());
    let mut damaged = Vec::new();
    for row in rows {
        match PublicKey::from_spki_der(&row.public_key) {
            Ok(key) if args.key.is_none_or(|wanted| wanted == key.thumbprint()) => keys.push(key),
            Ok(_) => {}
            Err(error) => damaged.push(format!("key {} of the ledger is damaged: {error}", row.id.0)),
        }
    }
    if let (Some(wanted), true) = (args.key, keys.is_empty()) {
        return Err(Failure::bad_input(format!("the job has no key with the id {wanted}")));
    }
    match args.format {
        KeyFormat::Pem => {
            for key in &keys {
                // A comment that PEM readers skip (RFC 7468, section 2).
                output::line(format_args!("keyId: {}\n{}", key.thumbprint(), key.spki_pem().trim_end()))?;
            }
        }
        KeyFormat::Jwks => output::line(format_args!("{:#}", jwks(&keys)))?,
    }
    // Damaged keys do not matter to a command that asked for another key.
    if args.key.is_none() && !damaged.is_empty() {
        return Err(Failure::failed(format!("{}; the others were printed", damaged.join("; "))));
    }
    Ok(ExitCode::SUCCESS)
}
