//! A value against the generated schema: the API server's own checks, with sentences for people.
//!
//! Pure. Knows the part of OpenAPI that the generated schema uses; a test shows that it uses no more.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Map, Value};

use crate::error::FieldError;
use crate::pattern;

/// Sets the defaults of `schema` in `value` as the API server does: a null where a default exists counts as absent.
pub(crate) fn fill(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, inner) in members(schema, "properties") {
                if let Some(default) = inner.get("default")
                    && object.get(name).is_none_or(Value::is_null)
                {
                    object.insert(name.clone(), default.clone());
                }
                if let Some(member) = object.get_mut(name) {
                    fill(inner, member);
                }
            }
            if let Some(inner) = schema.get("additionalProperties") {
                object.values_mut().for_each(|member| fill(inner, member));
            }
        }
        Value::Array(items) => {
            if let Some(inner) = schema.get("items") {
                items.iter_mut().for_each(|item| fill(inner, item));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Adds what is wrong with `value`, which is at `path`, to `found`.
pub(crate) fn check(schema: &Value, value: &Value, path: &str, found: &mut Vec<FieldError>) {
    let wrong = match (kind(schema), value) {
        (_, Value::Null) => Some("leave it out, or give it a value"),
        ("object", Value::Object(object)) => return check_object(schema, object, path, found),
        ("array", Value::Array(items)) => return check_list(schema, items, path, found),
        ("string" | "int-or-string", Value::String(text)) => return check_text(schema, text, path, found),
        ("integer" | "int-or-string", Value::Number(number)) if !number.is_f64() => {
            return check_number(schema, number, path, found);
        }
        ("boolean", Value::Bool(_)) => None,
        ("object", _) => Some("it must be an object with members"),
        ("array", _) => Some("it must be a list"),
        ("string", _) => Some("it must be text: put it in quotes"),
        ("integer", _) => Some("it must be a whole number, written in digits"),
        ("boolean", _) => Some("it must be true or false"),
        ("int-or-string", _) => Some("it must be a whole number or text"),
        _ => None,
    };
    found.extend(wrong.map(|advice| FieldError::new(path, value, advice)));
}

fn kind(schema: &Value) -> &str {
    match schema.get("x-kubernetes-int-or-string") {
        Some(_) => "int-or-string",
        None => schema.get("type").and_then(Value::as_str).unwrap_or_default(),
    }
}

fn members<'a>(schema: &'a Value, keyword: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    schema.get(keyword).and_then(Value::as_object).into_iter().flatten()
}

fn limit(schema: &Value, keyword: &str) -> Option<i128> {
    schema.get(keyword)?.as_i64().map(i128::from)
}

fn check_object(schema: &Value, object: &Map<String, Value>, path: &str, found: &mut Vec<FieldError>) {
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(name) {
            found.push(FieldError::about(format!("{path}.{name}"), "is missing: add it"));
        }
    }
    let any = schema.get("additionalProperties");
    if let Some(most) = limit(schema, "maxProperties").filter(|most| object.len() as i128 > *most) {
        found.push(FieldError::about(path, format!("has {} entries: at most {most} are possible", object.len())));
    }
    for (name, member) in object {
        match (schema.get("properties").and_then(|known| known.get(name)), any) {
            (Some(inner), _) => check(inner, member, &format!("{path}.{name}"), found),
            (None, Some(inner)) => check(inner, member, &format!("{path}[{name}]"), found),
            (None, None) => {
                let known: Vec<&str> = members(schema, "properties").map(|(known, _)| known.as_str()).collect();
                found.push(unknown(path, name, &known));
            }
        }
    }
}

/// A field nobody knows, with the one that was probably meant.
pub(crate) fn unknown(path: &str, name: &str, known: &[&str]) -> FieldError {
    let near = known.iter().map(|known| (distance(name, known), *known)).min().filter(|(distance, _)| *distance <= 2);
    let advice = match near {
        Some((_, near)) => format!("is no field of a SigningJob: write {near}, or remove it"),
        None => "is no field of a SigningJob: remove it".to_owned(),
    };
    let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    FieldError::about(path, advice)
}

/// Levenshtein's distance, without regard to case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let change = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn check_list(schema: &Value, items: &[Value], path: &str, found: &mut Vec<FieldError>) {
    if let Some(most) = limit(schema, "maxItems").filter(|most| items.len() as i128 > *most) {
        found.push(FieldError::about(path, format!("has {} items: at most {most} are possible", items.len())));
    }
    let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if let Some(inner) = schema.get("items") {
            check(inner, item, &path, found);
        }
        for key in keys.into_iter().flatten().filter_map(Value::as_str) {
            if let Some(value) = item.get(key).and_then(Value::as_str)
                && !seen.insert((key, value))
            {
                found.push(FieldError::new(
                    format!("{path}.{key}"),
                    value,
                    "an item before it has the same: remove one",
                ));
            }
        }
    }
}

fn check_text(schema: &Value, text: &str, path: &str, found: &mut Vec<FieldError>) {
    let length = text.chars().count() as i128;
    let advice = if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let listed = || words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
        (!words.iter().any(|word| word == text)).then(|| format!("it must be one of {}", listed()))
    } else if let Some(least) = limit(schema, "minLength").filter(|least| length < *least) {
        Some(format!("it must have at least {least} characters"))
    } else if let Some(most) = limit(schema, "maxLength").filter(|most| length > *most) {
        Some(format!("it has {length} characters, and may have {most}"))
    } else {
        schema.get("pattern").and_then(Value::as_str).and_then(|regex| mismatch(regex, text))
    };
    found.extend(advice.map(|advice| FieldError::new(path, text, advice)));
}

fn mismatch(regex: &str, text: &str) -> Option<String> {
    let matches = Regex::new(regex).is_ok_and(|regex| regex.is_match(text));
    (!matches).then(|| match pattern::wants(regex) {
        Some(wants) => format!("it must be {wants}"),
        None => format!("it must match {regex}"),
    })
}

fn check_number(schema: &Value, number: &serde_json::Number, path: &str, found: &mut Vec<FieldError>) {
    let value = number.as_i128().unwrap_or_default();
    let (least, most) = (limit(schema, "minimum"), limit(schema, "maximum"));
    if least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most) && i64::try_from(value).is_ok()
    {
        return;
    }
    let advice = match (least, most) {
        (Some(least), Some(most)) => format!("it must be from {least} to {most}"),
        (Some(least), None) => format!("it must be at least {least}"),
        (None, Some(most)) => format!("it must be at most {most}"),
        (None, None) => "it must be smaller".to_owned(),
    };
    found.push(FieldError::new(path, number, advice));
}
