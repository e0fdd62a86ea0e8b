//! The fields in which two specs differ.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::spec::SigningJobSpec;

/// A field that has another value in a second spec. A field is a single value or a list; the members of an object are fields of
/// their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The field, such as `spec.keys.count`.
    pub path: String,
    /// Its value in the first spec; `None` where it is not set.
    pub old: Option<Value>,
    /// Its value in the second spec; `None` where it is not set.
    pub new: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, old, new } = self;
        let shown = |value: &Option<Value>| value.as_ref().map_or_else(|| "absent".to_owned(), Value::to_string);
        write!(f, "{path} was {}, and is {}", shown(old), shown(new))
    }
}

/// Every field in which `new` differs from `old`, in the order of their paths. Empty for equal specs.
#[must_use]
pub fn differences(old: &SigningJobSpec, new: &SigningJobSpec) -> Vec<Difference> {
    // Every spec can be written as JSON, because it was read from it.
    let [old, new] = [old, new].map(|spec| serde_json::to_value(spec).ok());
    let mut found = Vec::new();
    compare("spec", old.as_ref(), new.as_ref(), &mut found);
    found
}

fn compare(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Difference>) {
    let [old, new] = [old, new].map(|value| value.filter(|value| !value.is_null()));
    if old == new {
        return;
    }
    let objects = [old, new].map(|value| value.and_then(Value::as_object));
    let names: BTreeSet<&String> = objects.iter().flatten().flat_map(|object| object.keys()).collect();
    if names.is_empty() {
        found.push(Difference { path: path.to_owned(), old: old.cloned(), new: new.cloned() });
    }
    for name in names {
        let [old, new] = objects.map(|object| object.and_then(|object| object.get(name)));
        compare(&format!("{path}.{name}"), old, new, found);
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

    const TABLE: &str = "source: {table: {name: rows, key: id, payload: body}}";

    #[test]
    fn equal_specs_do_not_differ_however_they_are_written() {
        let short = spec("source: {generate: {records: 10}}");
        assert_eq!(differences(&short, &short.clone()), []);
        let long = spec("source: {generate: {records: 10}}, suspend: false, keys: {}");
        assert_eq!(differences(&short, &long), []);
    }

    #[test]
    fn each_field_is_named_with_both_values() {
        let cases = [
            (TABLE, "batchSize: 7", ["spec.batchSize was 500, and is 7"].as_slice()),
            (
                "maxRejected: 3",
                "keys: {count: 7}, ttlAfterFinished: 1h",
                &[
                    "spec.keys.count was 100, and is 7",
                    "spec.maxRejected was 3, and is 0",
                    "spec.ttlAfterFinished was absent, and is \"1h\"",
                ],
            ),
            // A list is one value.
            (
                "workers: {template: {imagePullSecrets: [{name: a}]}}",
                "workers: {template: {imagePullSecrets: [{name: b}]}}",
                &["spec.workers.template.imagePullSecrets was [{\"name\":\"a\"}], and is [{\"name\":\"b\"}]"],
            ),
        ];
        for (old, new, told) in cases {
            let [old, new] = [old, new].map(|lines| spec(&format!("{TABLE}, {}", lines.trim_start_matches(TABLE))));
            let found: Vec<String> = differences(&old, &new).iter().map(ToString::to_string).collect();
            assert_eq!(found, told);
        }
    }

    #[test]
    fn of_an_object_that_only_one_spec_has_each_field_is_named() {
        let (table, generated) = (spec(TABLE), spec("source: {generate: {records: 5}}"));
        let found = differences(&table, &generated);
        let paths: Vec<&str> = found.iter().map(|difference| difference.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "spec.source.generate.payloadBytes",
                "spec.source.generate.records",
                "spec.source.table.key",
                "spec.source.table.name",
                "spec.source.table.payload",
                "spec.source.table.schema",
            ]
        );
        assert_eq!((&found[1].old, &found[1].new), (&None, &Some(5.into())));
        assert_eq!((&found[3].old, &found[3].new), (&Some("rows".into()), &None));
    }
}
