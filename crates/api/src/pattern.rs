//! The patterns of the schema, each with the words that an error uses instead of it.

use std::sync::OnceLock;

use regex::Regex;

/// A regular expression that Go and Rust read alike, and what it asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pattern {
    pub(crate) regex: &'static str,
    pub(crate) wants: &'static str,
}

pub(crate) const DURATION: Pattern = Pattern {
    regex: r"^([0-9]+(\.[0-9]+)?(h|ms|m|s))+$",
    wants: "a duration with units h, m, s or ms, such as 60s, 200ms or 1h30m",
};
pub(crate) const PERCENT: Pattern =
    Pattern { regex: r"^(100|[1-9]?[0-9])%$", wants: "a whole number of records, or a whole percentage such as 1%" };
pub(crate) const SQL_NAME: Pattern = Pattern {
    regex: r"^[^\x00-\x1f\x7f]+$",
    wants: "a name as Postgres spells it, without quotes or control characters",
};
pub(crate) const SUBDOMAIN: Pattern = Pattern {
    regex: r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    wants: "lower-case letters, digits, '-' and '.', with a letter or digit at both ends of every part",
};
pub(crate) const LABEL_VALUE: Pattern = Pattern {
    regex: r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$",
    wants: "letters, digits, '-', '_' and '.', with a letter or digit at both ends",
};
pub(crate) const LABEL_KEY: Pattern = Pattern {
    regex: r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
    wants: "a label key such as topology.kubernetes.io/zone",
};
pub(crate) const ENV_NAME: Pattern =
    Pattern { regex: r"^[A-Za-z_][A-Za-z0-9_]*$", wants: "letters, digits and '_', not beginning with a digit" };
pub(crate) const QUANTITY: Pattern = Pattern {
    regex: r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)(([KMGTPE]i)|[numkMGTPE]|([eE][-+]?[0-9]+))?$",
    wants: "a Kubernetes quantity such as 500m, 2 or 128Mi",
};
pub(crate) const HEX_32: Pattern =
    Pattern { regex: r"^[0-9a-f]{64}$", wants: "32 bytes as lower-case hexadecimal digits" };

pub(crate) const KIND: Pattern = Pattern {
    regex: r"^[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?$",
    wants: "a kind of the API server, such as ClusterIssuer",
};
pub(crate) const HTTP_URL: Pattern = Pattern {
    regex: r"^https?://[-A-Za-z0-9._~:\[\]]+(/[-A-Za-z0-9._~:/?&=%+;@!$'()*]*)?$",
    wants: "an http or https URL without a user, such as https://tsa.example.com/tsr",
};
pub(crate) const OID: Pattern = Pattern {
    regex: r"^[0-2](\.(0|[1-9][0-9]*))+$",
    wants: "an object identifier: numbers with dots between them, such as 1.3.6.1.4.1.4146.2.3",
};

const ALL: [Pattern; 12] =
    [DURATION, PERCENT, SQL_NAME, SUBDOMAIN, LABEL_VALUE, LABEL_KEY, ENV_NAME, QUANTITY, HEX_32, KIND, HTTP_URL, OID];

/// Does a text fit a pattern of the schema? Each pattern is compiled once: that takes longer than all else of checking a spec, and an
/// operator checks each of its jobs over and over.
pub(crate) fn fits(regex: &str, text: &str) -> bool {
    static COMPILED: [OnceLock<Option<Regex>>; ALL.len()] = [const { OnceLock::new() }; ALL.len()];
    let compile = || Regex::new(regex).ok();
    let is_match = |compiled: &Option<Regex>| compiled.as_ref().is_some_and(|compiled| compiled.is_match(text));
    match ALL.iter().zip(&COMPILED).find(|(known, _)| known.regex == regex) {
        Some((_, compiled)) => is_match(compiled.get_or_init(compile)),
        None => is_match(&compile()),
    }
}

/// The words for a pattern of the schema.
pub(crate) fn wants(regex: &str) -> Option<&'static str> {
    ALL.iter().find(|known| known.regex == regex).map(|known| known.wants)
}
