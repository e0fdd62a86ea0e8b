//! The name of a job on the command line.

use std::str::FromStr;

use vaultstream_api::{
    JobRef,
    names::{JobName, NameError, Namespace},
};

/// The name of a job, with or without its namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedJob {
    namespace: Option<Namespace>,
    name: JobName,
}

impl NamedJob {
    /// The job. Without a namespace of its own it is in this one.
    #[must_use]
    pub fn within(&self, namespace: &Namespace) -> JobRef {
        JobRef { namespace: self.namespace.as_ref().unwrap_or(namespace).clone(), name: self.name.clone() }
    }

    /// The namespace, if one was given.
    #[must_use]
    pub fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &JobName {
        &self.name
    }
}

impl FromStr for NamedJob {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Ok(match text.split_once('/') {
            Some((namespace, name)) => Self { namespace: Some(namespace.parse()?), name: name.parse()? },
            None => Self { namespace: None, name: text.parse()? },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_of_its_own_precedes_that_of_the_command() {
        let within = |text: &str| text.parse::<NamedJob>().map(|job| job.within(&"team".parse().unwrap()).to_string());
        assert_eq!(within("billing/invoices"), Ok("billing/invoices".to_owned()));
        assert_eq!(within("invoices"), Ok("team/invoices".to_owned()));
        for bad in ["", "/", "a/", "/a", "a/b/c", "A"] {
            assert!(within(bad).is_err(), "{bad}");
        }
    }
}
