//! `vaultstream keys`: a job's public keys, by which others verify its signatures.

pub(crate) mod revoke;
pub(crate) mod rewrap;

use std::{
    process::ExitCode,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use vaultstream_ledger::{
    Job,
    verify::{PublicKeyRow, public_keys},
};
use vaultstream_signing::{Jwk, PublicKey, pem, receipt::certificate_chain};

use crate::{
    args::{KeyFormat, KeysArgs},
    error::Failure,
    job::title,
    ledger, output,
    verify::read_receipt,
};

/// Prints the keys that signed, the receipt key first; or the certificates of the receipt key.
///
/// # Errors
/// One sentence.
pub(crate) async fn print(args: KeysArgs) -> Result<ExitCode, Failure> {
    if args.format == KeyFormat::Chain && args.key.is_some() {
        return Err(Failure::bad_input("--format chain prints the certificates of the receipt key: leave out --key"));
    }
    let opened = ledger::open_for(&args.ledger, args.job.named()).await?;
    let job = opened.find(&args.job).await?;
    let rows = public_keys(&opened.ledger, job.id).await.map_err(|error| Failure::of(&error))?;
    let print_keys = match args.format {
        KeyFormat::Pem => print_pem,
        KeyFormat::Jwks => print_jwks,
        KeyFormat::Chain => {
            output::print(&chain(&job, &rows)?)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let mut keys = Vec::with_capacity(rows.len());
    let mut damaged = Vec::new();
    for row in rows {
        match PublicKey::from_spki_der(&row.public_key) {
            Ok(key) if args.key.is_none_or(|wanted| wanted == key.thumbprint()) => keys.push((key, row)),
            Ok(_) => {}
            Err(error) => damaged.push(format!("key {} of the ledger is damaged: {error}", row.id.0)),
        }
    }
    if let (Some(wanted), true) = (args.key, keys.is_empty()) {
        return Err(Failure::bad_input(format!("the job has no key with the id {wanted}")));
    }
    print_keys(&keys)?;
    // Damaged keys do not matter to a command that asked for another key.
    if args.key.is_none() && !damaged.is_empty() {
        return Err(Failure::failed(format!("{}; the others were printed", damaged.join("; "))));
    }
    Ok(ExitCode::SUCCESS)
}

fn print_pem(keys: &[(PublicKey, PublicKeyRow)]) -> Result<(), Failure> {
    for (key, row) in keys {
        // Comments that PEM readers skip (RFC 7468, section 2).
        output::line(format_args!("keyId: {}", key.thumbprint()))?;
        for remark in remarks(row) {
            output::line(output::printable(&remark))?;
        }
        output::line(key.spki_pem().trim_end())?;
    }
    Ok(())
}

fn print_jwks(keys: &[(PublicKey, PublicKeyRow)]) -> Result<(), Failure> {
    let keys: Vec<Value> = keys.iter().map(|(key, row)| jwk(key, row)).collect();
    output::line(format_args!("{:#}", json!({ "keys": keys })))
}

/// The certificates in the job's receipt, once its signature was checked, as PEM: that of the receipt key first.
fn chain(job: &Job, keys: &[PublicKeyRow]) -> Result<String, Failure> {
    let failed = |why: String| Failure::failed(format!("{}: {why}", title(job)));
    let Some(jws) = &job.receipt else {
        return Err(failed(format!(
            "there is no receipt, whose key could have certificates: the job is {}",
            job.state
        )));
    };
    read_receipt(job, keys).map_err(failed)?;
    let certificates = certificate_chain(jws).map_err(|error| failed(error.to_string()))?;
    if certificates.is_empty() {
        return Err(failed(
            "the receipt has no certificate of its key: jobs get one by `run` with --issuer-cert and --issuer-key, or on a cluster by spec.signing.issuerRef"
                .to_owned(),
        ));
    }
    Ok(certificates.iter().map(|der| pem::encode("CERTIFICATE", der)).collect())
}

/// What else there is to know of a key.
fn remarks(row: &PublicKeyRow) -> Vec<String> {
    let time = humantime::format_rfc3339_seconds;
    let erased = row.erased.map(|at| format!("private key erased: {}", time(at)));
    let revoked = row.revocation.as_ref().map(|revocation| {
        let compromised = if revocation.compromised { ", compromised" } else { "" };
        format!("revoked: {}{compromised}: {}", time(revocation.at), revocation.reason)
    });
    erased.into_iter().chain(revoked).collect()
}

/// The key as JSON Web Key, with members that readers skip unless they know them (RFC 7517, section 4). `revoked` is that of OpenID
/// Federation's historical keys.
fn jwk(key: &PublicKey, row: &PublicKeyRow) -> Value {
    let mut jwk = json!(Jwk::of(key));
    if let Some(at) = row.erased {
        jwk["erased_at"] = seconds(at).into();
    }
    if let Some(revocation) = &row.revocation {
        let reason = if revocation.compromised { "compromised" } else { "unspecified" };
        jwk["revoked"] = json!({ "revoked_at": seconds(revocation.at), "reason": reason, "text": revocation.reason });
    }
    jwk
}

/// Seconds since 1970.
fn seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
