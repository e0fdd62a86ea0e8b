//! The receipt that a verifier expects, from outside of what is verified.

use std::fs;

use vaultstream_signing::{Digest, Hash, merkle::to_hex};

use super::problem::{Problem, ProblemKind};
use crate::{
    args::{ExpectedArgs, ReceiptDigest},
    cluster::Witness,
    error::Failure,
};

/// The receipt that is expected: by its digest, by its text, or as a cluster knows it.
#[derive(Debug)]
pub(crate) struct Expected {
    digests: Vec<Hash>,
    witness: Option<Witness>,
    /// The key of the receipt has to be certified.
    certified: bool,
}

impl Expected {
    /// Reads what the arguments name.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn of(args: &ExpectedArgs) -> Result<Self, Failure> {
        let mut digests: Vec<Hash> = args.receipt_digest.iter().map(|digest| digest.0).collect();
        if let Some(file) = &args.receipt {
            let text = fs::read_to_string(file).map_err(|error| {
                Failure::bad_input(format!("--receipt {}: the file cannot be read: {error}", file.display()))
            })?;
            digests.push(digest(text.trim()));
        }
        Ok(Self { digests, witness: None, certified: args.trust_bundle.is_some() })
    }

    /// The same, with what a cluster knows of the receipt.
    #[must_use]
    pub(crate) fn with(self, witness: Option<Witness>) -> Self {
        Self { witness, ..self }
    }

    /// A problem for each expectation that this receipt does not meet.
    pub(crate) fn problems(&self, receipt: Option<&str>) -> Vec<Problem> {
        let found = receipt.map(digest);
        let has =
            found.map_or_else(|| "no receipt".to_owned(), |found| format!("the receipt sha256:{}", to_hex(&found)));
        let differs = |wanted: &&Hash| found != Some(**wanted);
        let told = |wanted: &Hash| format!("it has {has}; expected was sha256:{}", to_hex(wanted));
        let mut messages: Vec<String> = self.digests.iter().filter(differs).map(told).collect();
        match &self.witness {
            Some(Witness::Receipt(ReceiptDigest(wanted))) if differs(&wanted) => {
                messages.push(format!("it has {has}; the SigningJob's status says sha256:{}", to_hex(wanted)));
            }
            Some(Witness::NoReceipt) if found.is_some() => {
                messages.push(format!("it has {has}; the SigningJob's status has no receipt to compare it with"));
            }
            _ => {}
        }
        messages.into_iter().map(|message| Problem::new(ProblemKind::Receipt, message)).collect()
    }

    /// What a good verdict proves, given the number of batches and the number of those with a seal.
    pub(crate) fn proof(&self, (batches, sealed): (u64, u64)) -> String {
        let known = self.known();
        if batches > 0 && sealed == batches {
            format!("{known}; each batch is sealed: nothing in it can be changed without the key that signed it")
        } else {
            known.to_owned()
        }
    }

    /// Which job it is.
    fn known(&self) -> &'static str {
        if self.digests.is_empty() && self.witness.is_some() {
            "it is the job whose receipt is in the SigningJob's status"
        } else if self.digests.is_empty() && self.certified {
            "it is a job whose receipt key an issuer has certified who is believed"
        } else if self.digests.is_empty() {
            "it agrees with itself; whoever can write all of it can arrange that. --receipt-digest, from the SigningJob's status or from \
             the report of its run, rules that out, and so does --trust-bundle"
        } else {
            "it is the job whose receipt was expected"
        }
    }
}

fn digest(receipt: &str) -> Hash {
    Digest::of(receipt.as_bytes()).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_receipt_than_the_expected_one_is_a_problem() {
        let expected = |text: &str| {
            let receipt_digest = Some(ReceiptDigest(digest(text)));
            Expected::of(&ExpectedArgs { receipt_digest, ..ExpectedArgs::default() }).unwrap()
        };
        assert!(expected("a.b.c").problems(Some("a.b.c")).is_empty());
        let other = expected("a.b.c").problems(Some("a.b.d"));
        assert!(other[0].message().starts_with("it has the receipt sha256:"), "{other:?}");
        let none = expected("a.b.c").problems(None);
        assert!(none[0].message().starts_with("it has no receipt; expected was sha256:"), "{none:?}");
        let nothing = || Expected::of(&ExpectedArgs::default()).unwrap();
        let witnessed = |witness| nothing().with(Some(witness)).problems(Some("a.b.c")).len();
        assert_eq!(witnessed(Witness::Receipt(ReceiptDigest(digest("a.b.c")))), 0);
        assert_eq!(witnessed(Witness::Receipt(ReceiptDigest(digest("a.b.d")))), 1);
        assert_eq!(witnessed(Witness::NoReceipt), 1, "what cannot be compared is not verified");
        let nothing = nothing();
        assert!(nothing.problems(None).is_empty());
        assert_ne!(nothing.proof((2, 2)), expected("a").proof((2, 2)));
    }

    #[test]
    fn seals_are_part_of_what_is_proved_when_every_batch_has_one() {
        let nothing = Expected::of(&ExpectedArgs::default()).unwrap();
        assert!(nothing.proof((2, 2)).contains("each batch is sealed"));
        for some in [(2, 1), (2, 0), (0, 0)] {
            assert!(!nothing.proof(some).contains("sealed"), "{some:?}");
        }
    }

    #[test]
    fn a_receipt_in_a_file_is_compared_without_the_newline_at_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("receipt.jws");
        fs::write(&file, "a.b.c\n").unwrap();
        let expected = Expected::of(&ExpectedArgs { receipt: Some(file.clone()), ..ExpectedArgs::default() }).unwrap();
        assert!(expected.problems(Some("a.b.c")).is_empty());
        assert_eq!(expected.problems(Some("a.b.x")).len(), 1);
        fs::remove_file(&file).unwrap();
        let failure = Expected::of(&ExpectedArgs { receipt: Some(file), ..ExpectedArgs::default() }).unwrap_err();
        assert_eq!(failure.code(), 2);
        assert!(failure.message().contains("cannot be read"), "{}", failure.message());
    }
}
