//! The tokens of timestamping authorities over a receipt: when it existed, and who says so.

use std::{fmt, path::Path};

use serde::Serialize;
use vaultstream_anchor::{Token, TokenError};
use vaultstream_certificates::Roots;
use vaultstream_ledger::{Job, Ledger};
use vaultstream_program::chain;

use super::problem::{Problem, ProblemKind};
use crate::error::Failure;

/// What an authority says of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Anchor {
    #[serde(flatten)]
    origin: Origin,
    #[serde(flatten)]
    says: Says,
}

/// Where a token is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Origin {
    /// The ledger has it of the authority with this URL.
    Tsa(String),
    /// A bundle has it in this place, from 1 on. It does not say which URL was asked.
    Token(usize),
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
    pub(crate) problems: Vec<Problem>,
}

/// Whether a token that is wrong is a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// Always.
    Fails,
    /// Only where roots were given: tokens that were not to be checked fail nothing.
    FailsWithRoots,
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
        let token = Token::over(row.token.as_deref()?, receipt, row.policy.as_deref());
        Some((Origin::Tsa(row.tsa.clone()), token))
    });
    let mut found = Anchors::check(tokens, roots, Wrong::FailsWithRoots);
    let pending = rows.iter().filter(|row| row.token.is_none()).map(|row| Anchor {
        origin: Origin::Tsa(row.tsa.clone()),
        says: Says::Pending { pending: row.last_error.clone().unwrap_or_else(|| "it was not asked".to_owned()) },
    });
    found.anchors.extend(pending);
    Ok(found)
}

/// The tokens of a bundle, checked. One that is wrong is a problem without roots, too: whoever wrote the bundle put it there.
pub(crate) fn of_bundle(tokens: Vec<Result<Token, TokenError>>, roots: Option<&Roots>) -> Anchors {
    let tokens = tokens.into_iter().zip(1..).map(|(token, number)| (Origin::Token(number), token));
    Anchors::check(tokens, roots, Wrong::Fails)
}

impl Anchors {
    /// Checks who has issued the certificates of the tokens of a receipt. With roots each has to be right, and there has to be one.
    fn check(
        tokens: impl IntoIterator<Item = (Origin, Result<Token, TokenError>)>,
        roots: Option<&Roots>,
        wrong: Wrong,
    ) -> Self {
        let mut found = Self::default();
        for (origin, token) in tokens {
            let says = time(token, roots).unwrap_or_else(|wrong| Says::Wrong { wrong });
            let anchor = Anchor { origin, says };
            if matches!(anchor.says, Says::Wrong { .. }) && (roots.is_some() || wrong == Wrong::Fails) {
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

fn time(token: Result<Token, TokenError>, roots: Option<&Roots>) -> Result<Says, String> {
    let token = token.map_err(|error| chain(&error))?;
    if let Some(roots) = roots {
        token.check_chain(roots).map_err(|error| chain(&error))?;
    }
    let (existed_before, authority) = (token.time().to_string(), token.tsa().to_owned());
    Ok(Says::Time { existed_before, authority, believed: roots.is_some() })
}

/// As the row of a report.
impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = match &self.origin {
            Origin::Tsa(url) => format!("the timestamp token of {url}"),
            Origin::Token(number) => format!("line 1: the timestamp token {number}"),
        };
        match &self.says {
            Says::Time { existed_before, authority, believed: true } => {
                write!(f, "the receipt existed before {existed_before}, says {authority}")
            }
            Says::Time { existed_before, authority, believed: false } => write!(
                f,
                "a token says that the receipt existed before {existed_before}, signed by {authority}; it is not believed without --tsa-roots"
            ),
            Says::Wrong { wrong } => write!(f, "{token} is wrong: {wrong}"),
            Says::Pending { pending } => write!(f, "{token} is not there yet: {pending}"),
        }
    }
}
