//! In which fields two specs differ.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::spec::SigningJobSpec;

/// A field that two specs do not have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where, such as `spec.keys.count`.
    pub path: String,
    /// What it was, as JSON; none where it was absent.
    pub old: Option<String>,
    /// What it is, as JSON; none where it is absent.
    pub new: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, old, new } = self;
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".to_owned());
        write!(f, "{path} was {}, and is {}", shown(old), shown(new))
    }
}

/// Every field in which `new` differs from `old`, in the order of their paths. Empty for equal specs.
#[must_use]
pub fn differences(old: &SigningJobSpec, new: &SigningJobSpec) -> Vec<Difference> {
    // A spec is always JSON: it came as that.
    let [old, new] = [old, new].map(|spec| serde_json::to_value(spec).ok());
    let mut found = Vec::new();
    compare("spec", old.as_ref(), new.as_ref(), &mut found);
    found
}

fn compare(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Difference>) {
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                compare(&format!("{path}.{name}"), old.get(name), new.get(name), found);
            }
        }
        _ if old == new => {}
        _ => {
            let [old, new] = [old, new].map(|value| value.map(ToString::to_string));
            found.push(Difference { path: path.to_owned(), old, new });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningJob;

    fn spec(lines: &str) -> SigningJobSpec {
        let manifest = format!(
            "apiVersion: vaultstream.dev/v1alpha1\nkind: SigningJob\nmetadata: {{name: job}}\nspec: {{{lines}}}\n"
        );
        SigningJob::parse_manifests(&manifest).unwrap().remove(0).spec
    }

    #[test]
    fn equal_specs_do_not_differ_however_they_are_written() {
        let short = spec("source: {generate: {records: 10}}");
        assert_eq!(differences(&short, &short.clone()), []);
        let long = spec("source: {generate: {records: 10}}, suspend: false, keys: {}");
        assert_eq!(differences(&short, &long), []);
    }

    #[test]
    fn each_field_is_named_with_both_values() {
        let old = spec("source: {generate: {records: 10}}, ttlAfterFinished: 1h");
        let new = spec("source: {table: {name: rows, key: id, payload: body}}, maxRejected: 3, keys: {count: 7}");
        let told: Vec<_> = differences(&old, &new).iter().map(ToString::to_string).collect();
        let names: Vec<_> = told.iter().filter_map(|line| line.split_once(" was ")).map(|(path, _)| path).collect();
        assert_eq!(
            names,
            [
                "spec.keys.count",
                "spec.maxRejected",
                "spec.source.generate",
                "spec.source.table",
                "spec.ttlAfterFinished"
            ]
        );
        assert_eq!(told[1], "spec.maxRejected was 0, and is 3");
        assert!(told[4].ends_with("and is absent"), "{}", told[4]);
    }
}
