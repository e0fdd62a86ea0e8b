//! A tenant's name in subjects, consumers and inboxes.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

/// A namespace of a cluster, as one token of a subject.
///
/// A wildcard of NATS stands for a whole token. What static permissions shall tell apart is therefore a token of its own, and holds the
/// cluster, too, because several clusters may share a server.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// The tenant of a namespace of a cluster. No two of them have the same token.
    pub fn new(cluster: &str, namespace: &str) -> Self {
        let mut token = String::with_capacity(cluster.len() + 1 + namespace.len());
        encode(&mut token, cluster);
        // No encoded name contains it: a token is neither a number, nor an account's hash, nor what the client calls its inboxes.
        token.push('_');
        encode(&mut token, namespace);
        Self(token.into())
    }

    /// `<cluster>_<namespace>`, with `=XX` in place of each byte that is not a letter, a digit or a dash.
    pub fn token(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Names of Kubernetes remain as they are.
fn encode(token: &mut String, name: &str) {
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            token.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(token, "={byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_kubernetes_can_be_read_in_a_token() {
        let cluster = "9a1c2d7e-55d5-4a53-8f7e-0e8f9d2b6a11";
        assert_eq!(Tenant::new(cluster, "team-a").token(), format!("{cluster}_team-a"));
        assert_eq!(Tenant::new("local", "default").token(), "local_default");
    }

    #[test]
    fn no_two_tenants_have_one_token_and_none_is_more_than_a_token() {
        let names = ["", "a", "b", "a_b", "a.b", "*", ">", "=", "=2E", "a b", "é", "A", "5", "_"];
        let mut tokens = std::collections::BTreeSet::new();
        for cluster in names {
            for namespace in names {
                let tenant = Tenant::new(cluster, namespace);
                let token = tenant.token();
                assert!(tokens.insert(token.to_owned()), "{cluster:?} {namespace:?}: {token}");
                assert!(!token.contains(['.', '*', '>', ' ', '/', '\\']) && token.is_ascii(), "{token}");
                assert_eq!(token.matches('_').count(), 1, "{token}");
            }
        }
    }
}
