//! The field that was probably meant by one that does not exist.

use std::sync::LazyLock;

use serde_json::Value;

use crate::{crd, openapi};

/// Longer names are not typing errors, and are not compared.
const LONGEST: usize = 40;
/// Longer lists of fields are of no help.
const LISTED: usize = 15;
/// Fields below this one are those of Kubernetes and have the same names everywhere.
const TEMPLATE: &str = "spec.workers.template";

/// Every field of a spec with the path of the object that has it.
static FIELDS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let mut fields = Vec::new();
    collect(crd::schema().pointer("/properties/spec").unwrap_or(&Value::Null), "spec", &mut fields);
    fields
});

fn collect(schema: &Value, path: &str, fields: &mut Vec<(String, String)>) {
    for (name, inner) in openapi::members(schema, "properties") {
        fields.push((name.clone(), path.to_owned()));
        if path != TEMPLATE {
            collect(inner, &format!("{path}.{name}"), fields);
        }
    }
}

/// Advice about the unknown field `name` of an object whose fields are `known`.
pub(crate) fn tip(name: &str, known: &[&str]) -> String {
    if let Some(near) = nearest(name, known) {
        return format!("did you mean {near}?");
    }
    let elsewhere: Vec<&str> =
        FIELDS.iter().filter(|(field, _)| plain(field) == plain(name)).map(|(_, path)| path.as_str()).collect();
    match elsewhere.as_slice() {
        [_, ..] => format!("it belongs under {}", listed(&elsewhere, "or")),
        [] if (1..=LISTED).contains(&known.len()) => format!("remove it; the fields here are {}", listed(known, "and")),
        [] => "remove it".to_owned(),
    }
}

/// The name that was probably meant.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    let slips = if name.len() < 5 { 1 } else { 2 };
    let near = known.iter().map(|known| (distance(&plain(name), &plain(known)), *known)).min()?;
    (near.0 <= slips && near.0 < near.1.len()).then_some(near.1)
}

/// `a, b and c`.
pub(crate) fn listed(words: &[&str], last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}

/// A name in lower case and without the characters that join its words.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| !matches!(letter, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_the_number_of_letters_to_change_add_or_remove() {
        let cases = [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("ab", "ba", 2),
            ("kitten", "sitting", 3),
            ("saturday", "sunday", 3),
            ("flaw", "lawn", 2),
        ];
        for (a, b, expected) in cases {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn a_name_may_have_two_slips_and_a_short_one_a_single_one() {
        let long = "x".repeat(LONGEST);
        let cases = [
            ("keyz", "keys", true),
            ("kexz", "keys", false),
            ("leuze", "lease", true),
            ("leuzi", "lease", false),
            ("Batch_Size", "batchSize", true),
            ("a", "b", false),
            (&long, &long, true),
            (&format!("{long}x"), &long, false),
        ];
        for (name, known, is_near) in cases {
            assert_eq!(nearest(name, &[known]), is_near.then_some(known), "{name}");
        }
    }

    #[test]
    fn a_long_list_of_fields_is_not_repeated() {
        let names: Vec<_> = (0..=LISTED).map(|number| format!("n{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(tip("another", &names), "remove it");
        assert_eq!(tip("another", &[]), "remove it");
        let listed = tip("another", &names[..LISTED]);
        assert!(
            listed.starts_with("remove it; the fields here are n0, n1, ") && listed.ends_with(" and n14"),
            "{listed}"
        );
    }
}
