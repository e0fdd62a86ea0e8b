//! The report of a bundle: a verdict, then figures as text or as one JSON object.

use std::fmt;

use indicatif::HumanCount;
use serde::Serialize;
use vaultstream_certificates::Roots;
use vaultstream_proof::bundle::{BundleFindings, BundleProblem, BundleProblemKind, HeaderLine};
use vaultstream_signing::{Backend, Digest, merkle::to_hex};

use super::{Verdict, text::sealed};
use crate::{
    args::OutputFormat,
    error::Failure,
    output::{self, Colour, paint, printable},
    verify::{
        anchors::{self, Anchor},
        certificate::{Certified, Trust},
        expected::Expected,
        problem::{Problem, ProblemKind},
        revoked::RevokedKey,
    },
};

/// The report about a bundle.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BundleReport {
    verdict: Verdict,
    job: String,
    uid: uuid::Uuid,
    /// What its lines add up to; `None` when they were not read.
    #[serde(flatten)]
    figures: Option<Figures>,
    /// Which checkpoint its receipt is.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<CheckpointReport>,
    receipt_digest: String,
    receipt_key: String,
    /// Who vouches for the receipt key.
    #[serde(skip_serializing_if = "Option::is_none")]
    certified: Option<Certified>,
    /// What timestamping authorities say of the receipt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    anchors: Vec<Anchor>,
    problems: Vec<Problem>,
    /// What a good verdict proves, and against whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    proves: Option<String>,
}

/// Which checkpoint a bundle has, and which one it extends.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckpointReport {
    number: u64,
    /// Whether none follows it. Else the job goes on, and the bundle has its first batches only.
    last: bool,
    /// The earlier checkpoint that was given and is extended.
    #[serde(skip_serializing_if = "Option::is_none")]
    extends: Option<EarlierReport>,
}

/// A checkpoint that a bundle extends.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EarlierReport {
    number: u64,
    batches: u64,
    digest: String,
}

impl CheckpointReport {
    fn of(found: &BundleFindings, good: bool) -> Option<Self> {
        let place = found.receipt.as_ref()?.checkpoint?;
        let extends = found.earlier.as_ref().filter(|_| good).map(|earlier| EarlierReport {
            number: earlier.place().number(),
            batches: earlier.batches(),
            digest: to_hex(earlier.digest()),
        });
        Some(Self { number: place.number(), last: place.is_last(), extends })
    }

    fn name(&self) -> String {
        if self.last {
            format!("last checkpoint, number {}", self.number)
        } else {
            format!("checkpoint {} (the job goes on)", self.number)
        }
    }
}

impl fmt::Display for EarlierReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, batches, digest } = self;
        let batches = HumanCount(*batches);
        write!(out, "checkpoint {number}, sha256:{digest}: the first {batches} batches are the same")
    }
}

/// What the lines of a bundle add up to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    records: u64,
    signed: u64,
    rejected: u64,
    batches: u64,
    /// Batches with a seal.
    sealed_batches: u64,
    /// Signatures checked.
    checked: u64,
    /// Those of them that are right.
    verified: u64,
    verified_by: Backend,
    /// Whether the bundle has the payloads.
    payloads: bool,
    /// Records whose rows were no longer what was signed when the bundle was written.
    changed: u64,
    completed_at: Option<String>,
    merkle_root: Option<String>,
}

impl Figures {
    fn of(found: &BundleFindings) -> Self {
        Self {
            records: found.signed + found.rejected,
            signed: found.signed,
            rejected: found.rejected,
            batches: found.batches,
            sealed_batches: found.sealed,
            checked: found.checked,
            verified: found.checked - found.wrong.count(),
            verified_by: found.checker,
            payloads: found.header.payloads,
            changed: found.changed.count(),
            completed_at: found.receipt.as_ref().map(|receipt| receipt.completed_at.clone()),
            merkle_root: found.receipt.as_ref().map(|receipt| to_hex(&receipt.merkle_root)),
        }
    }

    /// What a good verdict does not cover, in parentheses.
    fn extent(&self) -> String {
        match (self.changed, self.payloads) {
            (0, true) => String::new(),
            (_, false) => " (the payloads are not in the bundle)".to_owned(),
            (1, true) => " (1 row is no longer what was signed)".to_owned(),
            (changed, true) => format!(" ({} rows are no longer what was signed)", HumanCount(changed)),
        }
    }

    fn rows(&self, row: &mut impl FnMut(&str, &str) -> fmt::Result) -> fmt::Result {
        row("records", &HumanCount(self.records).to_string())?;
        row("signed", &format!("{}, in {} batches", HumanCount(self.signed), HumanCount(self.batches)))?;
        row("rejected", &HumanCount(self.rejected).to_string())?;
        if let Some(sealed) = sealed((self.batches, self.sealed_batches)) {
            row("seals", &sealed)?;
        }
        let of =
            if self.verified == self.checked { String::new() } else { format!(" of {}", HumanCount(self.checked)) };
        row("verified", &format!("{}{of} signatures by {}", HumanCount(self.verified), self.verified_by))?;
        self.merkle_root.as_ref().map_or(Ok(()), |root| row("merkle root", root))
    }
}

impl BundleReport {
    /// Of a bundle of whose lines nothing was read but the header, for these reasons.
    pub(crate) fn refusing(header: &HeaderLine, problems: Vec<Problem>) -> Self {
        Self {
            verdict: Verdict::NotVerified,
            job: format!("{}/{}", header.job.namespace, header.job.name),
            uid: header.job.uid,
            figures: None,
            checkpoint: None,
            receipt_digest: to_hex(&Digest::of(header.receipt.as_bytes()).0),
            receipt_key: header.receipt_key.kid.to_string(),
            certified: None,
            anchors: Vec::new(),
            problems,
            proves: None,
        }
    }

    /// Of what was found. Records that were changed since they were signed are problems unless that is allowed.
    pub(crate) fn of(
        mut found: BundleFindings,
        expected: &Expected,
        (trust, tsa_roots): (Option<&Trust>, Option<&Roots>),
        changes_allowed: bool,
    ) -> Self {
        let mut problems = problems(&found, changes_allowed);
        problems.extend(expected.problems(Some(&found.header.receipt)));
        let mut certified = None;
        if let (Some(trust), Some(receipt), Ok(key)) = (trust, &found.receipt, found.header.receipt_key.public_key()) {
            match trust.certified(&found.header.receipt, receipt, &key) {
                Ok(found) => certified = Some(found),
                Err(problem) => problems.push(problem),
            }
        }
        let verified = found.is_verified(changes_allowed);
        let mut anchors = anchors::of_bundle(std::mem::take(&mut found.tokens), tsa_roots);
        problems.append(&mut anchors.problems);
        let good = verified && problems.is_empty();
        Self {
            verdict: if good { Verdict::Verified } else { Verdict::NotVerified },
            figures: Some(Figures::of(&found)),
            checkpoint: CheckpointReport::of(&found, good),
            certified,
            anchors: anchors.anchors,
            proves: good.then(|| expected.proof((found.batches, found.sealed))),
            ..Self::refusing(&found.header, problems)
        }
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_good(&self) -> bool {
        self.verdict == Verdict::Verified
    }

    /// Prints it to stdout.
    ///
    /// # Errors
    /// When stdout is closed or full.
    pub(crate) fn print(&self, form: OutputFormat) -> Result<(), Failure> {
        match form {
            OutputFormat::Text => output::print(&self.to_string()),
            OutputFormat::Json => output::json(self),
        }
    }

    /// What a good verdict does not cover, in parentheses.
    fn extent(&self) -> String {
        self.figures.as_ref().filter(|_| self.is_good()).map(Figures::extent).unwrap_or_default()
    }
}

impl fmt::Display for BundleReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, colour) = match self.verdict {
            Verdict::Verified => ("VERIFIED", Colour::Good),
            Verdict::NotVerified => ("NOT VERIFIED", Colour::Bad),
        };
        writeln!(out, "{}{}", paint(colour, word), self.extent())?;
        let completed = self.figures.as_ref().and_then(|figures| figures.completed_at.as_deref());
        let goes_on = self.checkpoint.as_ref().is_some_and(|checkpoint| !checkpoint.last);
        let until = if goes_on { "signed until" } else { "complete at" };
        let completed = completed.map(|at| format!(", {until} {at}")).unwrap_or_default();
        let completed = match &self.checkpoint {
            Some(checkpoint) => format!(", {}{completed}", checkpoint.name()),
            None => completed,
        };
        writeln!(out, "{}{}", printable(&self.job), printable(&completed))?;
        for problem in &self.problems {
            writeln!(out, "  {}      {}", paint(Colour::Bad, "PROBLEM"), printable(problem.message()))?;
        }
        let mut row = |name: &str, value: &str| writeln!(out, "  {name:<12} {}", printable(value));
        if let Some(figures) = &self.figures {
            figures.rows(&mut row)?;
        }
        if let Some(earlier) = self.checkpoint.as_ref().and_then(|checkpoint| checkpoint.extends.as_ref()) {
            row("extends", &earlier.to_string())?;
        }
        row("receipt", &format!("sha256:{}", self.receipt_digest))?;
        row("receipt key", &self.receipt_key)?;
        if let Some(certified) = &self.certified {
            row("certified", &certified.to_string())?;
        }
        for anchor in &self.anchors {
            row("time", &anchor.to_string())?;
        }
        row("uid", &self.uid.to_string())?;
        self.proves.as_ref().map_or(Ok(()), |proof| row("proves", proof))
    }
}

fn problems(found: &BundleFindings, changes_allowed: bool) -> Vec<Problem> {
    let mut problems: Vec<Problem> = found.problems.iter().map(problem).collect();
    if found.more_problems > 0 {
        let message = format!("{} more problems of batches and lines", HumanCount(found.more_problems));
        problems.push(Problem::new(ProblemKind::MerkleRoot, message));
    }
    let of_records = [
        Problem::wrong_signatures(&found.wrong),
        Problem::about(
            ProblemKind::Payload,
            &found.other_payload,
            "payload is not what was signed: that of record",
            "payloads are not what was signed: those of records",
        ),
        Problem::wrong_seals(&found.wrong_seals),
        Problem::about(
            ProblemKind::Changed,
            &found.changed,
            "record was no longer what was signed when the bundle was written",
            "records were no longer what was signed when the bundle was written",
        )
        .filter(|_| !changes_allowed),
    ];
    problems.extend(of_records.into_iter().flatten());
    problems.extend(Problem::repeated_nonces(&found.repeated_nonce));
    let revoked = found.revoked.iter().map(|(kid, signed, line)| RevokedKey::of_bundle(*kid, *signed, line));
    problems.extend(revoked.filter_map(|key| key.problem()));
    if !found.all_are_checked() {
        problems.push(Problem::new(ProblemKind::NothingChecked, "not every signature was checked"));
    }
    problems
}

fn problem(problem: &BundleProblem) -> Problem {
    let kind = match problem.kind {
        BundleProblemKind::Line => ProblemKind::Line,
        BundleProblemKind::Key => ProblemKind::Key,
        BundleProblemKind::Batch => ProblemKind::MerkleRoot,
        BundleProblemKind::Seal => ProblemKind::Seal,
        BundleProblemKind::Receipt => ProblemKind::Receipt,
    };
    Problem::new(kind, problem.message.clone())
}
