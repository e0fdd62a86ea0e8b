//! The tokens of timestamping authorities over a receipt: when it existed, and who says so.

use std::{fmt, path::Path};

use serde::Serialize;
use vaultstream_anchor::Token;
use vaultstream_certificates::Roots;
use vaultstream_ledger::{Job, Ledger};
use vaultstream_program::chain;
use vaultstream_signing::Digest;

use super::problem::{Problem, ProblemKind};
use crate::error::Failure;

/// A token as it was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoundToken<'a> {
    /// The URL of its authority; a bundle does not have it.
    pub(crate) tsa: Option<&'a str>,
    /// The policy that was asked for, where that is known.
    pub(crate) policy: Option<&'a str>,
    /// The token.
    pub(crate) token: &'a [u8],
}

/// What an authority says of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Anchor {
    /// The URL of the authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    tsa: Option<String>,
    #[serde(flatten)]
    says: Says,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", untagged)]
enum Says {
    /// It has confirmed.
    #[serde(rename_all = "camelCase")]
    Time {
        /// The receipt existed before this time.
        existed_before: String,
        /// The name in its certificate.
        authority: String,
        /// Whether that certificate leads to a root that was given.
        believed: bool,
    },
    /// Its token proves nothing.
    #[serde(rename_all = "camelCase")]
    Wrong {
        /// Why.
        wrong: String,
    },
    /// It has not confirmed yet.
    #[serde(rename_all = "camelCase")]
    Pending {
        /// What went wrong last.
        pending: String,
    },
}

/// What is known of a receipt's time.
#[derive(Debug, Default)]
pub(crate) struct Anchors {
    pub(crate) anchors: Vec<Anchor>,
    /// None without roots: tokens that were not to be checked fail nothing.
    pub(crate) problems: Vec<Problem>,
}

/// The roots in the file of `--tsa-roots`.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn roots(file: Option<&Path>) -> Result<Option<Roots>, Failure> {
    let read = |file| Roots::read(file).map_err(|error| Failure::bad_input(format!("--tsa-roots: {}", chain(&error))));
    file.map(read).transpose()
}

/// What the ledger has of a job, checked.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) async fn of_job(ledger: &Ledger, job: &Job, roots: Option<&Roots>) -> Result<Anchors, Failure> {
    let rows = vaultstream_ledger::anchors::of_job(ledger, job.id).await.map_err(|error| Failure::of(&error))?;
    let receipt = job.receipt.as_deref().unwrap_or_default();
    let tokens = rows.iter().filter_map(|row| {
        let token = row.token.as_deref()?;
        Some(FoundToken { tsa: Some(&row.tsa), policy: row.policy.as_deref(), token })
    });
    let mut found = Anchors::check(receipt, tokens, roots);
    let pending = rows.iter().filter(|row| row.token.is_none()).map(|row| Anchor {
        tsa: Some(row.tsa.clone()),
        says: Says::Pending { pending: row.last_error.clone().unwrap_or_else(|| "it was not asked".to_owned()) },
    });
    found.anchors.extend(pending);
    Ok(found)
}

impl Anchors {
    /// Checks the tokens of a receipt. With roots each has to be right, and there has to be one.
    pub(crate) fn check<'a>(
        receipt: &str,
        tokens: impl IntoIterator<Item = FoundToken<'a>>,
        roots: Option<&Roots>,
    ) -> Self {
        let mut found = Self::default();
        for token in tokens {
            let says = time(receipt, token, roots).unwrap_or_else(|wrong| Says::Wrong { wrong });
            let anchor = Anchor { tsa: token.tsa.map(str::to_owned), says };
            if let (Says::Wrong { .. }, Some(_)) = (&anchor.says, roots) {
                found.problems.push(Problem::new(ProblemKind::Anchor, anchor.to_string()));
            }
            found.anchors.push(anchor);
        }
        if roots.is_some() && found.anchors.is_empty() {
            let message = "it has no token of a timestamping authority, and --tsa-roots asks for one";
            found.problems.push(Problem::new(ProblemKind::Anchor, message));
        }
        found
    }
}

fn time(receipt: &str, found: FoundToken<'_>, roots: Option<&Roots>) -> Result<Says, String> {
    let token = Token::read(found.token).map_err(|error| chain(&error))?;
    let digest = Digest::of(receipt.as_bytes()).0;
    token.check(&digest, found.policy).map_err(|error| chain(&error))?;
    if let Some(roots) = roots {
        token.check_chain(roots).map_err(|error| chain(&error))?;
    }
    let (existed_before, authority) = (token.time().to_string(), token.tsa().to_owned());
    Ok(Says::Time { existed_before, authority, believed: roots.is_some() })
}

/// As the row of a report.
impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tsa = self.tsa.as_deref().map(|tsa| format!(" of {tsa}")).unwrap_or_default();
        match &self.says {
            Says::Time { existed_before, authority, believed: true } => {
                write!(f, "the receipt existed before {existed_before}, says {authority}")
            }
            Says::Time { existed_before, authority, believed: false } => write!(
                f,
                "a token says that the receipt existed before {existed_before}, signed by {authority}; it is not believed without --tsa-roots"
            ),
            Says::Wrong { wrong } => write!(f, "the timestamp token{tsa} is wrong: {wrong}"),
            Says::Pending { pending } => write!(f, "no timestamp token{tsa} yet: {pending}"),
        }
    }
}
