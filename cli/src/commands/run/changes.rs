//! Differences between the manifest that a job was created from and the one that is given now.

use serde_json::Value;
use vaultstream_api::{Difference, SigningJobSpec, differences, validate_update};
use vaultstream_ledger::Job;

use crate::{error::Failure, job::title, location::LedgerLocation, output::printable, shell::program};

/// Refuses a manifest that would sign something else than the job of its name has signed, or has begun to sign. A field that may
/// change while a job runs may also differ when the job is over: it has no effect then.
///
/// # Errors
/// With each difference, field by field.
pub(super) fn refuse_others(job: &Job, new: &SigningJobSpec, location: &LedgerLocation) -> Result<(), Failure> {
    let differences: Vec<String> = fixed_differences(&job.spec, new).iter().map(told).collect();
    if differences.is_empty() {
        return Ok(());
    }
    let title = title(job);
    let listed = match differences.as_slice() {
        [one] => format!(" {one}. "),
        several => format!("\n  {}\n", several.join("\n  ")),
    };
    Err(Failure::bad_input(if job.state.is_terminal() {
        format!(
            "{title} is already {}, from a manifest that differs:{listed}Nothing was signed now. --again signs the job again; \
             what was signed before is kept under the uid {}",
            job.state, job.uid
        )
    } else {
        format!(
            "{title} was started with a manifest that differs:{listed}Undo the change, choose another name, or delete the job: \
             {} delete --job {title}{}",
            program(),
            location.flags()
        )
    }))
}

/// The differences in fields that cannot change once a job exists.
fn fixed_differences(old: &SigningJobSpec, new: &SigningJobSpec) -> Vec<Difference> {
    let Err(fixed) = validate_update(old, new) else { return Vec::new() };
    // The name of a Secret means nothing on this machine.
    let fixed: Vec<&str> =
        fixed.iter().map(|field| field.path()).filter(|path| *path != "spec.connectionSecret").collect();
    let is_fixed = |path: &str| {
        fixed.iter().any(|of| path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    };
    differences(old, new).into_iter().filter(|difference| is_fixed(&difference.path)).collect()
}

/// A difference as a user reads it.
fn told(difference: &Difference) -> String {
    let value = |value: &Option<Value>| match value {
        None => "not set".to_owned(),
        Some(Value::String(text)) => printable(text).into_owned(),
        Some(other) => printable(&other.to_string()).into_owned(),
    };
    format!("{}: was {}, is now {}", difference.path, value(&difference.old), value(&difference.new))
}

#[cfg(test)]
mod tests {
    use vaultstream_api::SigningJob;

    use super::*;

    fn told_of(old: &str, new: &str) -> Vec<String> {
        let spec = |text: &str| {
            let text = format!(
                "apiVersion: vaultstream.dev/v1alpha1\nkind: SigningJob\nmetadata: {{name: job}}\nspec: {{{text}}}"
            );
            SigningJob::parse_manifests(&text).unwrap().remove(0).spec
        };
        fixed_differences(&spec(old), &spec(new)).iter().map(told).collect()
    }

    const TABLE: &str = "source: {table: {name: orders, key: id, payload: body}}";

    #[test]
    fn differences_in_what_is_signed_are_told_field_by_field() {
        assert!(told_of(TABLE, TABLE).is_empty());
        assert_eq!(
            told_of(TABLE, "source: {table: {name: other, key: id, payload: body}}, batchSize: 7, keys: {count: 77}"),
            [
                "spec.batchSize: was 500, is now 7",
                "spec.keys.count: was 100, is now 77",
                "spec.source.table.name: was orders, is now other"
            ]
        );
        let other = told_of(TABLE, "source: {generate: {records: 5}}");
        assert!(other.contains(&"spec.source.generate.records: was not set, is now 5".to_owned()), "{other:?}");
        assert!(other.contains(&"spec.source.table.name: was orders, is now not set".to_owned()), "{other:?}");
    }

    #[test]
    fn what_may_change_in_a_job_and_what_means_nothing_on_this_machine_is_no_difference() {
        for change in
            ["maxRejected: 7", "connectionSecret: other", "workers: {maxReplicas: 9}", "keys: {maxSignatures: 9000}"]
        {
            assert!(told_of(TABLE, &format!("{TABLE}, {change}")).is_empty(), "{change}");
        }
    }

    #[test]
    fn values_that_would_command_a_terminal_are_written_out() {
        let name = |name: &str| format!("source: {{table: {{name: {name}, key: id, payload: body}}}}");
        assert_eq!(
            told_of(&name("orders"), &name("\"a\\u202Eb\"")),
            ["spec.source.table.name: was orders, is now a\\u{202e}b"]
        );
    }
}
