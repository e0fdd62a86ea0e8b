//! Advice about a value that a field cannot have: what to write instead.

use serde_json::Value;

use crate::openapi::{in_range, kind, limit, members};
use crate::pattern;
use crate::suggest::{listed, nearest};

/// The field that is meant when an object is given as a single value.
const MAIN: [(&str, &str); 6] = [
    ("keys", "count"),
    ("generate", "records"),
    ("table", "name"),
    ("workers", "maxReplicas"),
    ("lease", "duration"),
    ("lease", "records"),
];

/// Words that YAML 1.1 and people use for booleans.
const TRUE: [&str; 4] = ["true", "yes", "on", "y"];
const FALSE: [&str; 4] = ["false", "no", "off", "n"];

/// Advice about a value of another type than the schema's.
pub(crate) fn of_kind(schema: &Value, value: &Value, path: &str) -> String {
    match (kind(schema), value) {
        ("integer", Value::String(text)) => whole_number(schema, text),
        ("integer" | "int-or-string", Value::Number(number)) => fraction(schema, number.as_f64().unwrap_or_default()),
        ("integer", _) => "it must be a whole number".to_owned(),
        ("boolean", Value::String(text)) => boolean(text),
        ("boolean", _) => "write true or false".to_owned(),
        ("string", Value::Number(number)) if is_duration(schema) => of_duration(&number.to_string()),
        ("string", Value::Number(_) | Value::Bool(_)) => format!("it must be text: write \"{value}\", with the quotes"),
        ("string", _) => "it must be text".to_owned(),
        ("array", Value::Object(_)) => "it must be a list: begin each entry with `- `".to_owned(),
        ("array", _) => "it must be a list: write each entry in a line of its own, after `- `".to_owned(),
        ("object", Value::Array(_)) => "it must have fields, and is a list: remove the `- ` or the brackets".to_owned(),
        ("object", _) => object(schema, value, path),
        ("int-or-string", _) => "it must be a whole number or text".to_owned(),
        _ => "this value is not possible here".to_owned(),
    }
}

/// Advice about a number outside of the schema's bounds.
pub(crate) fn of_range(schema: &Value) -> String {
    match (limit(schema, "minimum"), limit(schema, "maximum")) {
        (Some(least), Some(most)) => format!("it must be from {least} to {most}"),
        (Some(least), None) => format!("it must be at least {least}"),
        (None, Some(most)) => format!("it must be at most {most}"),
        (None, None) => "it is too large".to_owned(),
    }
}

/// Advice about a text that is none of `words`.
pub(crate) fn of_word(text: &str, words: &[&str]) -> String {
    match nearest(text, words) {
        Some(word) => format!("did you mean {word}? It must be {}", listed(words, "or")),
        None => format!("it must be {}", listed(words, "or")),
    }
}

/// Advice about a text that should be a duration: common notations are translated.
pub(crate) fn of_duration(text: &str) -> String {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let written = match unit.trim().to_lowercase().as_str() {
        _ if number.is_empty() || number.ends_with('.') || number.starts_with('.') => None,
        "" => return format!("add a unit, such as {number}s (units are h, m, s and ms)"),
        "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => Some(format!("{number}ms")),
        "s" | "sec" | "secs" | "second" | "seconds" => Some(format!("{number}s")),
        "m" | "min" | "mins" | "minute" | "minutes" => Some(format!("{number}m")),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(format!("{number}h")),
        "d" | "day" | "days" => number.parse::<u32>().ok().map(|days| format!("{}h", u64::from(days) * 24)),
        "w" | "week" | "weeks" => number.parse::<u32>().ok().map(|weeks| format!("{}h", u64::from(weeks) * 168)),
        _ => None,
    };
    match written {
        Some(duration) => format!("write {duration}"),
        None => format!("it must be {}", pattern::DURATION.wants),
    }
}

fn is_duration(schema: &Value) -> bool {
    schema.get("pattern").and_then(Value::as_str) == Some(pattern::DURATION.regex)
}

fn whole_number(schema: &Value, text: &str) -> String {
    let digits: String = text.chars().filter(|c| !matches!(c, '_' | ',' | ' ' | '\'')).collect();
    let thousands = [("k", 1000), ("m", 1_000_000), ("g", 1_000_000_000)];
    let lower = digits.to_lowercase();
    let (digits, times) = thousands
        .iter()
        .find_map(|(unit, times)| lower.strip_suffix(unit).map(|digits| (digits.to_owned(), *times)))
        .unwrap_or((digits, 1));
    // Only for texts without sign or exponent that do not overflow.
    match digits.parse::<i64>().ok().and_then(|number| i128::from(number).checked_mul(times)) {
        Some(number) if !in_range(schema, number) => of_range(schema),
        Some(number) if number.to_string() == text => "remove the quotes".to_owned(),
        Some(number) => format!("write it in digits only: {number}"),
        None => "it must be a whole number, in digits only".to_owned(),
    }
}

fn fraction(schema: &Value, number: f64) -> String {
    if number.fract() != 0.0 {
        return "it must be a whole number".to_owned();
    }
    // A conversion that saturates is out of every range.
    match number as i128 {
        whole if in_range(schema, whole) => format!("write it in digits only: {whole}"),
        _ => of_range(schema),
    }
}

fn boolean(text: &str) -> String {
    let lower = text.to_lowercase();
    match lower.as_str() {
        "true" | "false" if lower == text => "remove the quotes".to_owned(),
        word if TRUE.contains(&word) => "write true".to_owned(),
        word if FALSE.contains(&word) => "write false".to_owned(),
        _ => "write true or false".to_owned(),
    }
}

/// Advice about an object that was given as a single value.
fn object(schema: &Value, value: &Value, path: &str) -> String {
    let field = path.rsplit('.').next().unwrap_or(path);
    let takes = |inner: &Value| match (kind(inner), value) {
        ("integer", Value::Number(_)) => true,
        ("string", Value::String(text)) => !is_duration(inner) || text.starts_with(|c: char| c.is_ascii_digit()),
        _ => false,
    };
    let main = MAIN
        .iter()
        .filter(|(of, _)| *of == field)
        .find(|(_, main)| schema.get("properties").and_then(|known| known.get(main)).is_some_and(takes));
    if let Some((_, main)) = main {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        return format!("write `{field}: {{{main}: {value}}}`");
    }
    let known: Vec<&str> = members(schema, "properties").map(|(name, _)| name.as_str()).collect();
    match known.as_slice() {
        [] => "it must be pairs of names and values".to_owned(),
        known => format!("it must be an object; its fields are {}", listed(known, "and")),
    }
}
