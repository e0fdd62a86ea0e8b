//! CEL rules that several types of the spec have.
//!
//! The same rules in Rust are in `rules.rs`; `tests/agreement` compares the verdicts.

use kube::core::Rule;

/// CEL: the duration `field` of the object lies in `shortest..=longest`.
pub(crate) fn duration_between(field: &str, shortest: &str, longest: &str) -> Rule {
    Rule::new(format!(
        "duration(self.{field}) >= duration('{shortest}') && duration(self.{field}) <= duration('{longest}')"
    ))
    .message(format!("{field} must be from {shortest} to {longest}").as_str())
    .field_path(format!(".{field}"))
}

/// CEL: as [`duration_between`], for a field that may be absent.
pub(crate) fn optional_duration_between(field: &str, shortest: &str, longest: &str) -> Rule {
    let rule = duration_between(field, shortest, longest);
    Rule { rule: format!("!has(self.{field}) || ({})", rule.rule), ..rule }
}

/// CEL: the duration `lower` is not above the duration `upper`.
pub(crate) fn durations_ordered(lower: &str, upper: &str) -> Rule {
    Rule::new(format!("duration(self.{lower}) <= duration(self.{upper})"))
        .message(format!("{lower} must not be above {upper}").as_str())
        .field_path(format!(".{lower}"))
}

/// CEL: as [`fixed`], for a list that may be absent.
pub(crate) fn fixed_list(path: &str) -> Rule {
    let or_none = |of: &str| format!("(has({of}.{path}) ? {of}.{path} : [])");
    Rule { rule: format!("{} == {}", or_none("self"), or_none("oldSelf")), ..fixed(path) }
}

/// CEL: `path` keeps its value once the object exists.
pub(crate) fn fixed(path: &str) -> Rule {
    Rule::new(format!("self.{path} == oldSelf.{path}"))
        .message(format!("{path} cannot be changed after creation").as_str())
        .field_path(format!(".{path}"))
}
