//! Durations as Go writes them (`60s`, `200ms`, `1h30m`), the only notation of durations in a SigningJob.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::pattern;

/// Length limit of a duration's text. Every duration of Go is shorter, as [`GoDuration`]'s `Display` writes it.
pub(crate) const MAX_LENGTH: usize = 32;

/// The units, greatest first, with their nanoseconds.
const UNITS: [(&str, u64); 4] =
    [("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000)];

/// A duration that is read and written in Go's notation, never negative and never above Go's (and CEL's) range of
/// 2⁶³ - 1 nanoseconds.
///
/// Equal durations are equal whatever their spelling; writing one gives its shortest spelling (`60s` becomes `1m`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(Duration);

/// Why a text is not a [`GoDuration`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a sequence of numbers with units.
    #[error("not a duration: write numbers with units h, m, s or ms, such as 60s, 200ms or 1h30m")]
    Syntax,
    /// Above 2⁶³ - 1 nanoseconds.
    #[error("too long: a duration ends at 2562047h")]
    TooLong,
}

impl GoDuration {
    /// The longest duration: 2⁶³ - 1 nanoseconds, about 292 years.
    pub const MAX: Self = Self(Duration::from_nanos(i64::MAX as u64));

    /// Converts a standard duration; a longer one than [`GoDuration::MAX`] becomes that.
    #[must_use]
    pub fn from_std(duration: Duration) -> Self {
        Self(duration.min(Self::MAX.0))
    }

    /// Converts it to the standard library's duration.
    #[must_use]
    pub fn as_std(&self) -> Duration {
        self.0
    }
}

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        if text.is_empty() || text.len() > MAX_LENGTH {
            return Err(DurationError::Syntax);
        }
        let mut nanos: u64 = 0;
        let mut rest = text;
        while !rest.is_empty() {
            let (term, after) = term(rest)?;
            nanos = nanos.checked_add(term).ok_or(DurationError::TooLong)?;
            rest = after;
        }
        if nanos > i64::MAX as u64 {
            return Err(DurationError::TooLong);
        }
        Ok(Self(Duration::from_nanos(nanos)))
    }
}

/// Reads one number with its unit from the front. Returns its nanoseconds, rounded down as in Go, and the rest of the text.
fn term(text: &str) -> Result<(u64, &str), DurationError> {
    let (whole, rest) = digits(text)?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest)?,
        None => ("", rest),
    };
    let end = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(DurationError::Syntax)?;

    // A nanosecond is at most the 13th digit after the point, and 18 digits times an hour do not overflow.
    let fraction = &fraction[..fraction.len().min(18)];
    let tenths = 10_u128.pow(fraction.len() as u32);
    let below_one =
        format!("0{fraction}").parse::<u128>().map_err(|_| DurationError::Syntax)? * u128::from(*scale) / tenths;
    let whole: u64 = whole.parse().map_err(|_| DurationError::TooLong)?;
    let nanos = whole.checked_mul(*scale).and_then(|nanos| nanos.checked_add(below_one as u64));
    Ok((nanos.ok_or(DurationError::TooLong)?, rest))
}

fn digits(text: &str) -> Result<(&str, &str), DurationError> {
    match text.find(|c: char| !c.is_ascii_digit()) {
        Some(0) | None => Err(DurationError::Syntax),
        Some(end) => Ok(text.split_at(end)),
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0.as_nanos();
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, scale) in [("h", 3_600_000_000_000), ("m", 60_000_000_000)] {
            if left >= scale {
                write!(f, "{}{unit}", left / scale)?;
                left %= scale;
            }
        }
        match left {
            0 => Ok(()),
            below if below < 1_000_000_000 => decimal(f, below, 6, "ms"),
            seconds => decimal(f, seconds, 9, "s"),
        }
    }
}

/// Writes `nanos` in the unit of 10^`places` nanoseconds, without zeros at the end.
fn decimal(f: &mut fmt::Formatter<'_>, nanos: u128, places: usize, unit: &str) -> fmt::Result {
    let scale = 10_u128.pow(places as u32);
    let fraction = format!("{:0places$}", nanos % scale);
    match fraction.trim_end_matches('0') {
        "" => write!(f, "{}{unit}", nanos / scale),
        fraction => write!(f, "{}.{fraction}{unit}", nanos / scale),
    }
}

impl fmt::Debug for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<GoDuration> for Duration {
    fn from(duration: GoDuration) -> Self {
        duration.0
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for GoDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "GoDuration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": MAX_LENGTH, "pattern": pattern::DURATION.regex })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Duration, DurationError> {
        text.parse().map(|duration: GoDuration| duration.as_std())
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let cases = [
            ("0s", 0),
            ("1ms", 1_000_000),
            ("200ms", 200_000_000),
            ("60s", 60_000_000_000),
            ("1m", 60_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("30m1h", 5_400_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("0.000001ms", 1),
            ("0.0000019ms", 1),
            ("1m2m", 180_000_000_000),
            ("0.1234567891h", 444_444_440_760),
            ("2562047h47m16.854775807s", i64::MAX as u64),
        ];
        for (text, nanos) in cases {
            assert_eq!(read(text), Ok(Duration::from_nanos(nanos)), "{text}");
            assert_eq!(text.parse().map(|read: GoDuration| read.into()), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in
            ["", "0", "5", "s", "1 s", "-1s", "+1s", "1.s", ".5s", "1S", "1us", "1d", "1s ", "1sm", "1e3s", "１s"]
        {
            assert_eq!(read(text), Err(DurationError::Syntax), "{text:?}");
        }
        for text in ["2562048h", "99999999999999999999s", "2562047h47m16.854775808s"] {
            assert_eq!(read(text), Err(DurationError::TooLong), "{text:?}");
        }
        assert_eq!(read(&format!("{}s", "0".repeat(MAX_LENGTH))), Err(DurationError::Syntax));
        assert_eq!(read(&format!("{}s", "0".repeat(MAX_LENGTH - 1))), Ok(Duration::ZERO));
    }

    #[test]
    fn durations_are_written_in_their_shortest_spelling() {
        let cases = [
            ("60s", "1m"),
            ("90s", "1m30s"),
            ("3600s", "1h"),
            ("200ms", "200ms"),
            ("1000ms", "1s"),
            ("1500ms", "1.5s"),
            ("0ms", "0s"),
        ];
        for (read, written) in cases {
            assert_eq!(read.parse::<GoDuration>().map(|duration| duration.to_string()), Ok(written.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn every_duration_survives_being_written_and_read(nanos in 0..=i64::MAX as u64) {
            let duration = GoDuration::from_std(Duration::from_nanos(nanos));
            let text = duration.to_string();
            prop_assert!(text.len() <= MAX_LENGTH);
            prop_assert!(regex::Regex::new(pattern::DURATION.regex).unwrap().is_match(&text));
            prop_assert_eq!(text.parse(), Ok(duration));
            prop_assert_eq!(serde_json::from_value::<GoDuration>(serde_json::to_value(duration).unwrap()).unwrap(), duration);
        }

        #[test]
        fn the_pattern_and_the_parser_agree(text in "[0-9hms.]{0,8}") {
            let pattern = regex::Regex::new(pattern::DURATION.regex).unwrap();
            prop_assert_eq!(pattern.is_match(&text), text.parse::<GoDuration>().is_ok(), "{}", text);
        }
    }
}
