//! The URLs of the development servers.

use k8s_openapi::ByteString;

use super::stored::{Data, pair};

/// The parameters without which an unencrypted connection is refused. The development servers have no TLS.
const WITHOUT_TLS: [&str; 2] = ["?sslmode=disable", "?tls=disable"];

/// Where the servers are, and the database owner's login.
pub(super) struct Urls {
    /// Host and database.
    database: String,
    /// Of the superuser.
    owner: String,
    /// Host and port.
    nats: String,
}

impl Urls {
    pub(super) fn of(home: &str, password: &str) -> Self {
        Self {
            database: format!("vaultstream-dev-postgres.{home}.svc:5432/postgres"),
            owner: format!("vaultstream:{password}"),
            nats: format!("vaultstream-dev-nats.{home}.svc:4222"),
        }
    }

    /// The owner's URL of the database.
    pub(super) fn owners(&self) -> (String, ByteString) {
        self.database(&self.owner)
    }

    /// The URL of the database for a login.
    pub(super) fn database(&self, login: &str) -> (String, ByteString) {
        pair(("DATABASE_URL", &format!("postgresql://{login}@{}{}", self.database, WITHOUT_TLS[0])))
    }

    /// The URL of NATS for a login.
    pub(super) fn nats(&self, login: &str) -> (String, ByteString) {
        pair(("NATS_URL", &format!("nats://{login}@{}{}", self.nats, WITHOUT_TLS[1])))
    }

    /// Those of the wanted URLs in whose place the Secret has one that an earlier version wrote: the owner's login for everybody, one
    /// token of NATS, and at first no parameters about TLS.
    pub(super) fn outdated(&self, data: &Data, wanted: [(String, ByteString); 2]) -> Data {
        wanted
            .into_iter()
            .filter(|(key, url)| data.get(key).is_some_and(|present| present != url && self.is_ours(key, present)))
            .collect()
    }

    fn is_ours(&self, key: &str, url: &ByteString) -> bool {
        let url = String::from_utf8_lossy(&url.0);
        let bare = url.split('?').next().unwrap_or_default();
        match key {
            // Whatever its login is: the servers' own Secret may have been made anew.
            "NATS_URL" => {
                bare.strip_prefix("nats://").and_then(|rest| rest.rsplit('@').next()) == Some(self.nats.as_str())
            }
            _ => bare == format!("postgresql://{}@{}", self.owner, self.database),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_that_an_earlier_version_wrote_are_updated() {
        let urls = Urls::of("home", "password");
        let first = [
            ("DATABASE_URL", "postgresql://vaultstream:password@vaultstream-dev-postgres.home.svc:5432/postgres"),
            ("NATS_URL", "nats://token@vaultstream-dev-nats.home.svc:4222"),
        ];
        let operators = [urls.owners(), urls.nats("operator:secret")];
        assert_eq!(urls.outdated(&first.map(pair).into(), operators.clone()), operators.into());
        let wanted = [urls.database("vs_team:own"), urls.nats("vs_team:own")];
        for earlier in [first.map(pair), [urls.owners(), urls.nats("token")]] {
            let changed = urls.outdated(&earlier.into(), wanted.clone());
            assert_eq!(changed, wanted.clone().into(), "a worker that had the owner's login and the token");
        }
        let present: Data = wanted.iter().cloned().chain([pair(("kek", "x"))]).collect();
        assert_eq!(urls.outdated(&present, wanted.clone()), Data::new());
        let own = [("DATABASE_URL", "postgresql://me@elsewhere/postgres"), ("NATS_URL", "nats://elsewhere")];
        assert_eq!(urls.outdated(&own.map(pair).into(), wanted), Data::new());
    }
}
