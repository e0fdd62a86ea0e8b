//! The database login of a namespace, as a line of the key `tenants` of the owner's connection Secret: `NAMESPACE LOGIN PASSWORD`.

use std::fmt;

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
}
