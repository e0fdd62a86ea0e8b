//! What a verifier knows of a job from elsewhere.

use std::{path::PathBuf, str::FromStr};

use clap::Args;
use vaultstream_signing::{Hash, merkle};

/// What a verifier knows of a job from elsewhere. Without any of it, a ledger or bundle only agrees with itself.
#[derive(Args, Clone, Debug, Default)]
pub struct ExpectedArgs {
    /// SHA-256 of the job's receipt, in hexadecimal, as the report of its run and the SigningJob's status have it.
    #[arg(long, value_name = "HEX")]
    pub receipt_digest: Option<ReceiptDigest>,
    /// A file with the job's receipt, as `vaultstream receipt --raw` printed it.
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
    /// A PEM file with the root certificates of the issuers that you believe. Then the receipt key has to be certified as that of its job.
    #[arg(long, value_name = "PEM")]
    pub trust_bundle: Option<PathBuf>,
    /// The cluster that the certificate of the receipt key has to name. Default: the one that the receipt names.
    #[arg(long, value_name = "ID", requires = "trust_bundle")]
    pub certified_cluster: Option<String>,
    /// A PEM file with the root certificates of the timestamping authorities that you believe. Then the tokens over the receipt, which a
    /// bundle has, too, are checked, and there has to be one.
    #[arg(long, value_name = "PEM")]
    pub tsa_roots: Option<PathBuf>,
}

/// SHA-256 of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptDigest(pub Hash);

/// Text that is not such a digest.
#[derive(Debug, thiserror::Error)]
#[error("a digest has 64 hexadecimal digits, with or without `sha256:` before them")]
pub struct NotADigest;

impl FromStr for ReceiptDigest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        merkle::from_hex(text.strip_prefix("sha256:").unwrap_or(text)).map(Self).ok_or(NotADigest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_with_and_without_its_algorithm() {
        let hex = "0123456789abcdef".repeat(4);
        let digest: ReceiptDigest = hex.parse().unwrap();
        assert_eq!(merkle::to_hex(&digest.0), hex);
        assert_eq!(format!("sha256:{}", hex.to_uppercase()).parse::<ReceiptDigest>().unwrap(), digest);
        for wrong in ["", "sha256:", &hex[1..], &format!("sha512:{hex}"), &format!("{hex}0")] {
            assert!(wrong.parse::<ReceiptDigest>().is_err(), "{wrong}");
        }
    }
}
