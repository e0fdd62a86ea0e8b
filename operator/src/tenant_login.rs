//! The login of a namespace, as a line of a Secret: `NAMESPACE LOGIN PASSWORD`. Database logins are lines of the key `tenants` of the
//! owner's connection Secret, the development NATS has such lines in its own.

use std::fmt;

use uuid::Uuid;
use vaultstream_ledger::tenants;

/// A login that is to be there.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TenantLogin {
    pub(crate) namespace: String,
    pub(crate) role: String,
    pub(crate) password: String,
}

impl TenantLogin {
    /// The Secret's key.
    pub(crate) const KEY: &str = "tenants";

    /// Reads a line.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        match *line.split_whitespace().collect::<Vec<_>>() {
            [namespace, role, password] => {
                Some(Self { namespace: namespace.to_owned(), role: role.to_owned(), password: password.to_owned() })
            }
            _ => None,
        }
    }

    /// The logins of these namespaces, and the lines of all that are declared then: of namespaces that are not named any more, too.
    pub(crate) fn declare(present: &str, namespaces: &[&str]) -> (Vec<Self>, String) {
        let mut declared = present.to_owned();
        let mut logins: Vec<Self> = Vec::new();
        for namespace in namespaces.iter().copied() {
            if logins.iter().any(|login| login.namespace == namespace) {
                continue;
            }
            let known = Self::parse_all(present).find(|login| login.namespace == namespace);
            logins.push(known.unwrap_or_else(|| {
                let made = Self {
                    namespace: namespace.to_owned(),
                    role: tenants::role_of(namespace),
                    password: Uuid::new_v4().simple().to_string(),
                };
                declared += &made.to_line();
                made
            }));
        }
        (logins, declared)
    }

    /// The lines that are declarations.
    pub(crate) fn parse_all(text: &str) -> impl Iterator<Item = Self> {
        text.lines().filter_map(Self::parse)
    }

    /// User and password, as a URL has them.
    pub(crate) fn in_url(&self) -> String {
        format!("{}:{}", self.role, self.password)
    }

    /// Writes the line.
    pub(crate) fn to_line(&self) -> String {
        format!("{} {} {}\n", self.namespace, self.role, self.password)
    }
}

/// Without the password.
impl fmt::Debug for TenantLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, role, password: _ } = self;
        f.debug_struct("TenantLogin").field("namespace", namespace).field("role", role).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_and_its_password_is_not_shown() {
        let login = TenantLogin::parse("  team-a vs_team-a\tsecret").unwrap();
        assert_eq!(login.to_line(), "team-a vs_team-a secret\n");
        assert_eq!(TenantLogin::parse(&login.to_line()), Some(login.clone()));
        assert!(!format!("{login:?}").contains("secret"));
        for line in ["", "team-a vs_team-a", "team-a vs_team-a secret more"] {
            assert_eq!(TenantLogin::parse(line), None, "{line}");
        }
    }

    #[test]
    fn each_namespace_keeps_the_login_that_was_declared_for_it() {
        let (first, declared) = TenantLogin::declare("", &["home", "team", "home"]);
        assert_eq!(first.iter().map(|login| login.namespace.as_str()).collect::<Vec<_>>(), ["home", "team"]);
        assert_ne!(first[0].password, first[1].password);
        let (again, unchanged) = TenantLogin::declare(&declared, &["home", "team"]);
        assert_eq!((again, &unchanged), (first.clone(), &declared));
        let (more, longer) = TenantLogin::declare(&declared, &["home", "other"]);
        assert_eq!((&more[0], more.len()), (&first[0], 2));
        assert!(
            longer.starts_with(&declared) && longer.contains("other vs_other "),
            "a namespace that left remains declared"
        );
    }
}
