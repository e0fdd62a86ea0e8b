//! The time in a token: a GeneralizedTime in UTC, which may have fractions of a second (RFC 3161 §2.4.2).

use std::fmt;
use std::time::Duration;

use der::DateTime;

/// When a token was made, by its authority's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenTime {
    seconds: DateTime,
    /// Digits behind the second, without zeros at the end.
    fraction: String,
}

impl TokenTime {
    /// Reads `YYYYMMDDhhmmss[.f…]Z`.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
        let (seconds, fraction) = match text.split_once('.') {
            Some((seconds, fraction)) => (seconds, Some(fraction)),
            None => (text, None),
        };
        let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
        if seconds.len() != 14 || !digits(seconds) {
            return None;
        }
        let fraction = match fraction {
            None => "",
            Some(fraction)
                if fraction.is_empty() || fraction.len() > 9 || fraction.ends_with('0') || !digits(fraction) =>
            {
                return None;
            }
            Some(fraction) => fraction,
        };
        let two = |at: usize| seconds.get(at..at + 2)?.parse().ok();
        let year = seconds.get(..4)?.parse().ok()?;
        let seconds = DateTime::new(year, two(4)?, two(6)?, two(8)?, two(10)?, two(12)?).ok()?;
        Some(Self { seconds, fraction: fraction.to_owned() })
    }

    /// Since 1970, in whole seconds.
    #[must_use]
    pub fn unix(&self) -> Duration {
        self.seconds.unix_duration()
    }
}

/// As RFC 3339.
impl fmt::Display for TokenTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds.to_string();
        match self.fraction.as_str() {
            "" => f.write_str(&seconds),
            fraction => write!(f, "{}.{fraction}Z", seconds.trim_end_matches('Z')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_one_form_only() {
        let time = |text: &str| TokenTime::parse(text.as_bytes());
        let told = |text: &str| time(text).unwrap().to_string();
        assert_eq!(told("20261128101112Z"), "2026-11-28T10:11:12Z");
        assert_eq!(told("20261128101112.345Z"), "2026-11-28T10:11:12.345Z");
        assert_eq!(time("19700101000001.5Z").unwrap().unix(), Duration::from_secs(1));
        for wrong in [
            "",
            "Z",
            "20261128101112",
            "202611281011Z",
            "20261128101112+0100",
            "20261128101112.Z",
            "20261128101112.50Z",
            "20261128101112,5Z",
            "20261328101112Z",
            "20260230101112Z",
            "2026112810111aZ",
            "20261128101112.1234567891Z",
            "19691231235959Z",
        ] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }
}
