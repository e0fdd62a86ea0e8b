//! The name of a job in a certificate.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

/// All but what a part of a URI may have as it is (RFC 3986 §2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Which job of which cluster. Shown, it is the URI in the certificate: `vaultstream://CLUSTER/NAMESPACE/NAME/UID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobName<'a> {
    /// The cluster, as the ledger has it.
    pub cluster: &'a str,
    /// The job's namespace.
    pub namespace: &'a str,
    /// The job's name.
    pub name: &'a str,
    /// The job's uid.
    pub uid: Uuid,
}

impl fmt::Display for JobName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [cluster, namespace, name] =
            [self.cluster, self.namespace, self.name].map(|part| utf8_percent_encode(part, ENCODED));
        write!(f, "vaultstream://{cluster}/{namespace}/{name}/{}", self.uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_form_and_its_parts_cannot_be_mistaken() {
        let uid = Uuid::from_u128(7);
        let name = |cluster, namespace, name| JobName { cluster, namespace, name, uid }.to_string();
        assert_eq!(
            name("local", "default", "a-b"),
            "vaultstream://local/default/a-b/00000000-0000-0000-0000-000000000007"
        );
        assert_eq!(name("a/b", "c", "d"), "vaultstream://a%2Fb/c/d/00000000-0000-0000-0000-000000000007");
        assert_ne!(name("a/b", "c", "d"), name("a", "b/c", "d"));
    }
}
