//! What a part of the generated schema says, keyword by keyword.

use serde_json::Value;

/// The type of a value.
pub(crate) fn kind(schema: &Value) -> &str {
    match schema.get("x-kubernetes-int-or-string") {
        Some(_) => "int-or-string",
        None => schema.get("type").and_then(Value::as_str).unwrap_or_default(),
    }
}

/// The members of one of its keywords, such as `properties`.
pub(crate) fn members<'a>(schema: &'a Value, keyword: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    schema.get(keyword).and_then(Value::as_object).into_iter().flatten()
}

/// The number of one of its keywords, such as `maxItems`.
pub(crate) fn limit(schema: &Value, keyword: &str) -> Option<i128> {
    schema.get(keyword)?.as_i64().map(i128::from)
}

/// Whether a number is within the schema's bounds, and an integer of 64 bits.
pub(crate) fn in_range(schema: &Value, value: i128) -> bool {
    let (least, most) = (limit(schema, "minimum"), limit(schema, "maximum"));
    least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most) && i64::try_from(value).is_ok()
}
