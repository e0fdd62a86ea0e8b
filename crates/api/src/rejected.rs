//! `maxRejected`: how many records may be rejected before a job counts as failed.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits;
use crate::pattern;

/// A number of records, or a percentage of the job's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaxRejected {
    /// A number of records.
    Records(u64),
    /// A percentage of the records, 0 to 100.
    Percent(u8),
}

/// The text is not a whole percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a whole number of records nor a whole percentage such as 1%")]
pub struct NotAPercentage;

impl MaxRejected {
    /// The number of records that may be rejected out of `total`; a percentage is rounded down.
    #[must_use]
    pub fn allowed(&self, total: u64) -> u64 {
        match *self {
            Self::Records(records) => records,
            Self::Percent(percent) => (u128::from(total) * u128::from(percent) / 100) as u64,
        }
    }
}

impl fmt::Display for MaxRejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(records) => records.fmt(f),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl FromStr for MaxRejected {
    type Err = NotAPercentage;

    /// Reads a percentage; records are integers in a manifest, not text.
    fn from_str(text: &str) -> Result<Self, NotAPercentage> {
        let digits = text.strip_suffix('%').ok_or(NotAPercentage)?;
        let plain = digits == "0" || !digits.starts_with(['0', '+']);
        match digits.parse::<u8>() {
            Ok(percent) if percent <= 100 && plain => Ok(Self::Percent(percent)),
            _ => Err(NotAPercentage),
        }
    }
}

impl Serialize for MaxRejected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Records(records) => serializer.serialize_u64(*records),
            Self::Percent(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for MaxRejected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Records(u64),
            Text(String),
        }
        match Form::deserialize(deserializer) {
            Ok(Form::Records(records)) => Ok(Self::Records(records)),
            Ok(Form::Text(text)) => text.parse().map_err(D::Error::custom),
            Err(_) => Err(D::Error::custom(NotAPercentage)),
        }
    }
}

impl JsonSchema for MaxRejected {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MaxRejected".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "minimum": 0,
            "maximum": limits::MAX_RECORDS,
            "maxLength": 4,
            "pattern": pattern::PERCENT.regex,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_percentage_of_the_records_is_rounded_down() {
        assert_eq!(MaxRejected::Records(7).allowed(3), 7);
        assert_eq!(MaxRejected::Percent(1).allowed(199), 1);
        assert_eq!(MaxRejected::Percent(0).allowed(1000), 0);
        assert_eq!(MaxRejected::Percent(100).allowed(1000), 1000);
        assert_eq!(MaxRejected::Percent(99).allowed(u64::MAX), u64::MAX / 100 * 99 + (u64::MAX % 100) * 99 / 100);
    }

    #[test]
    fn only_whole_numbers_and_whole_percentages_are_read() {
        for bad in [
            json!("1"),
            json!("1.5%"),
            json!("101%"),
            json!("01%"),
            json!("+1%"),
            json!("%"),
            json!(-1),
            json!(1.5),
            json!(true),
        ] {
            assert!(serde_json::from_value::<MaxRejected>(bad.clone()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_allowance_survives_being_written_and_read(
            allowance in prop_oneof![any::<u64>().prop_map(MaxRejected::Records), (0_u8..=100).prop_map(MaxRejected::Percent)]
        ) {
            let written = serde_json::to_value(allowance).unwrap();
            prop_assert_eq!(serde_json::from_value::<MaxRejected>(written).unwrap(), allowance);
        }

        #[test]
        fn the_pattern_and_the_parser_agree(text in "[0-9]{0,4}%?") {
            let pattern = regex::Regex::new(pattern::PERCENT.regex).unwrap();
            prop_assert_eq!(pattern.is_match(&text), text.parse::<MaxRejected>().is_ok(), "{}", text);
        }
    }
}
