//! Checks a value against the generated schema, as the API server does, with errors that say what to do.
//!
//! Pure. It implements the part of OpenAPI that the generated schema uses; a test shows that the schema uses no more.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::FieldError;
use crate::fault::Fault;
use crate::openapi::{in_range, kind, limit, members};
use crate::{pattern, remedy, suggest};

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
    if found.len() >= Fault::MOST {
        return;
    }
    match (kind(schema), value) {
        ("object", Value::Object(object)) => check_object(schema, object, path, found),
        ("array", Value::Array(items)) => check_list(schema, items, path, found),
        ("string" | "int-or-string", Value::String(text)) => check_text(schema, text, path, found),
        ("integer" | "int-or-string", Value::Number(number)) if !number.is_f64() => {
            check_number(schema, number, path, found);
        }
        ("boolean", Value::Bool(_)) => {}
        (_, Value::Null) => found.push(FieldError::about(path, "has no value: add one, or remove the field")),
        _ => found.push(FieldError::new(path, value, remedy::of_kind(schema, value, path))),
    }
}

fn check_object(schema: &Value, object: &Map<String, Value>, path: &str, found: &mut Vec<FieldError>) {
    let any = schema.get("additionalProperties");
    if let Some(most) = limit(schema, "maxProperties").filter(|most| object.len() as i128 > *most) {
        found.push(FieldError::about(path, format!("has {} entries: at most {most} are possible", object.len())));
    }
    let mut meant = Vec::new();
    for (name, member) in object {
        if found.len() >= Fault::MOST {
            return;
        }
        match (schema.get("properties").and_then(|known| known.get(name)), any) {
            (Some(inner), _) => check(inner, member, &format!("{path}.{name}"), found),
            (None, Some(inner)) => check(inner, member, &format!("{path}[{name}]"), found),
            (None, None) => {
                let known: Vec<&str> = members(schema, "properties").map(|(known, _)| known.as_str()).collect();
                meant.extend(suggest::nearest(name, &known));
                unknown(path, name, &known, found);
            }
        }
    }
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        // A misspelled field is one mistake, not two.
        if !object.contains_key(name) && !meant.contains(&name) {
            found.push(FieldError::about(format!("{path}.{name}"), "is missing: add it"));
        }
    }
}

/// Adds that a field does not exist, and the field that was probably meant.
pub(crate) fn unknown(path: &str, name: &str, known: &[&str], found: &mut Vec<FieldError>) {
    if found.len() < Fault::MOST {
        let tip = suggest::tip(name, known);
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        found.push(FieldError::unknown(path, tip));
    }
}

fn check_list(schema: &Value, items: &[Value], path: &str, found: &mut Vec<FieldError>) {
    if let Some(most) = limit(schema, "maxItems").filter(|most| items.len() as i128 > *most) {
        found.push(FieldError::about(path, format!("has {} items: at most {most} are possible", items.len())));
    }
    if let Some(least) = limit(schema, "minItems").filter(|least| (items.len() as i128) < *least) {
        found.push(FieldError::about(path, format!("has {} items: it needs at least {least}", items.len())));
    }
    let is_set = schema.get("x-kubernetes-list-type").is_some_and(|kind| kind == "set");
    let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if let Some(inner) = schema.get("items") {
            check(inner, item, &path, found);
        }
        if is_set
            && let Some(value) = item.as_str()
            && !seen.insert(("", value))
        {
            found.push(FieldError::new(&path, value, "it is in the list already: name it once"));
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
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        (!words.contains(&text)).then(|| remedy::of_word(text, &words))
    } else if limit(schema, "minLength").is_some_and(|least| length < least) {
        Some("give it a value".to_owned())
    } else if let Some(most) = limit(schema, "maxLength").filter(|most| length > *most) {
        Some(format!("it has {length} characters; at most {most} are possible"))
    } else {
        schema.get("pattern").and_then(Value::as_str).and_then(|regex| mismatch(regex, text))
    };
    found.extend(advice.map(|advice| FieldError::new(path, text, advice)));
}

fn mismatch(regex: &str, text: &str) -> Option<String> {
    (!pattern::fits(regex, text)).then(|| match pattern::wants(regex) {
        Some(_) if regex == pattern::DURATION.regex => remedy::of_duration(text),
        Some(wants) => format!("it must be {wants}"),
        None => format!("it must match {regex}"),
    })
}

fn check_number(schema: &Value, number: &serde_json::Number, path: &str, found: &mut Vec<FieldError>) {
    let value = number.as_i128().unwrap_or_default();
    if !in_range(schema, value) {
        found.push(FieldError::new(path, number, remedy::of_range(schema)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_faults_are_looked_for_than_are_told() {
        let mut found = Vec::new();
        (0..2 * Fault::MOST).for_each(|number| unknown("spec", &number.to_string(), &["name"], &mut found));
        assert_eq!(found.len(), Fault::MOST);
    }
}
