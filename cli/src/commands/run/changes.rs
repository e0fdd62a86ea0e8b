//! What differs between the manifest that a job was made from and the one that is given now.

use serde_json::Value;
use vaultstream_api::{SigningJobSpec, validate_update};
use vaultstream_ledger::Job;

use crate::{error::Failure, output::printable, place::Place, shell::program};

/// Refuses a manifest that would sign something else than the job of its name has signed, or has begun to sign. What may
/// change while a job runs may differ, too, when it is over: by then it has no effect.
///
/// # Errors
/// With each difference, field by field.
pub(crate) fn refuse_others(job: &Job, new: &SigningJobSpec, place: &Place) -> Result<(), Failure> {
    let Err(fixed) = validate_update(&job.spec, new) else { return Ok(()) };
    // The name of a Secret means nothing on this machine.
    let fixed: Vec<&str> =
        fixed.iter().map(|field| field.path()).filter(|path| *path != "spec.connectionSecret").collect();
    let belongs = |path: &str| {
        fixed.iter().any(|of| path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    };
    let differences: Vec<String> = between(&job.spec, new)
        .into_iter()
        .filter(|change| belongs(&change.path))
        .map(|change| change.told())
        .collect();
    if differences.is_empty() {
        return Ok(());
    }
    let title = format!("{}/{}", job.namespace, job.name);
    let told = match differences.as_slice() {
        [one] => format!(" {one}. "),
        several => format!("\n  {}\n", several.join("\n  ")),
    };
    Err(Failure::bad_input(if job.state.is_terminal() {
        format!(
            "{title} is already {}, from a manifest that differs:{told}Nothing was signed now. --again signs the job again; \
             what was signed before is kept under the uid {}",
            job.state, job.uid
        )
    } else {
        format!(
            "{title} was started with a manifest that differs:{told}Undo the change, choose another name, or delete the job: \
             {} delete --job {title}{}",
            program(),
            place.flags()
        )
    }))
}

/// One field.
struct Change {
    path: String,
    was: Option<Value>,
    now: Option<Value>,
}

impl Change {
    fn told(&self) -> String {
        let value = |value: &Option<Value>| match value {
            None | Some(Value::Null) => "not set".to_owned(),
            Some(Value::String(text)) => printable(text).into_owned(),
            Some(other) => printable(&other.to_string()).into_owned(),
        };
        format!("{}: was {}, is now {}", self.path, value(&self.was), value(&self.now))
    }
}

fn between(old: &SigningJobSpec, new: &SigningJobSpec) -> Vec<Change> {
    let mut found = Vec::new();
    let value = |spec: &SigningJobSpec| serde_json::to_value(spec).ok();
    compare("spec", value(old).as_ref(), value(new).as_ref(), &mut found);
    found
}

fn compare(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Change>) {
    if old == new {
        return;
    }
    let members = |value: Option<&Value>| {
        value.and_then(Value::as_object).map(|object| object.keys().cloned().collect::<Vec<_>>())
    };
    let mut names: Vec<String> = members(old).into_iter().chain(members(new)).flatten().collect();
    if names.is_empty() {
        found.push(Change { path: path.to_owned(), was: old.cloned(), now: new.cloned() });
        return;
    }
    names.sort_unstable();
    names.dedup();
    for name in names {
        let of = |value: Option<&Value>| value.and_then(|value| value.get(&name)).cloned();
        compare(&format!("{path}.{name}"), of(old).as_ref(), of(new).as_ref(), found);
    }
}

#[cfg(test)]
mod tests {
    use vaultstream_api::SigningJob;

    use super::*;

    fn told(old: &str, new: &str) -> Vec<String> {
        let spec = |text: &str| {
            let text = format!(
                "apiVersion: vaultstream.dev/v1alpha1\nkind: SigningJob\nmetadata: {{name: job}}\nspec: {{{text}}}"
            );
            SigningJob::parse_manifests(&text).unwrap().remove(0).spec
        };
        between(&spec(old), &spec(new)).iter().map(Change::told).collect()
    }

    #[test]
    fn differences_are_told_field_by_field() {
        let table = "source: {table: {name: orders, key: id, payload: body}}";
        assert!(told(table, table).is_empty());
        assert_eq!(
            told(table, "source: {table: {name: other, key: id, payload: body}}, batchSize: 7, keys: {count: 77}"),
            [
                "spec.batchSize: was 500, is now 7",
                "spec.keys.count: was 100, is now 77",
                "spec.source.table.name: was orders, is now other"
            ]
        );
        let other = told(table, "source: {generate: {records: 5}}");
        assert!(other.contains(&"spec.source.generate.records: was not set, is now 5".to_owned()), "{other:?}");
        assert!(other.contains(&"spec.source.table.name: was orders, is now not set".to_owned()), "{other:?}");
    }
}
