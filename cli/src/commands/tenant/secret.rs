//! The Secret with a login: of a namespace's workers, of the operator or of an auditor.

use std::{
    fs::File,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use vaultstream_signing::Kek;

use vaultstream_streams::{NatsPermissions, NatsUser};

use crate::{args::SecretServerFields, error::Failure, location::LedgerLocation};

/// What RFC 3986 calls unreserved needs no escape.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The files that programs read beside URLs and keys.
const FILES: [&str; 18] = [
    "SOURCE_DATABASE_URL",
    "source-ca.crt",
    "source.crt",
    "source.key",
    "postgres-ca.crt",
    "postgres.crt",
    "postgres.key",
    "nats-ca.crt",
    "nats.crt",
    "nats.key",
    "nats.creds",
    "nats.nkey",
    "KEK_URL",
    "OLD_KEK_URL",
    "transit-token",
    "transit-role",
    "transit-auth-path",
    "transit-ca.crt",
];

/// A login of the database or of NATS.
pub(super) struct Login {
    pub(super) role: String,
    pub(super) password: String,
}

impl Login {
    /// The URL that logs in so.
    fn url(&self, scheme: &str, place: &str) -> String {
        let escape = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
        format!("{scheme}://{}:{}@{place}", escape(&self.role), escape(&self.password))
    }
}

/// Where pods find Postgres and NATS, and how they know them.
pub(super) struct Server {
    scheme: String,
    /// Host, database and options: all behind the `@`.
    place: String,
    nats_url: Option<String>,
    /// Where the NATS user is to be written.
    nats_user: Option<File>,
    /// Names and contents.
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Server {
    /// As in the URL of the command, but for the host if another one is given.
    ///
    /// # Errors
    /// When the URL is none with a host, or a file cannot be read or is none that workers read.
    pub(super) fn of(location: &LedgerLocation, fields: &SecretServerFields) -> Result<Self, Failure> {
        let Some((url, _)) = &location.database else {
            return Err(Failure::bad_input(
                "a private Postgres has no tenants: give --database-url (or VAULTSTREAM_DATABASE_URL) of a server",
            ));
        };
        let nats_url = match &fields.nats_url_file {
            Some(file) => Some(std::fs::read_to_string(file).map_err(|error| {
                Failure::bad_input(format!("failed to read the URL of NATS in {}: {error}", file.display()))
            })?),
            None => None,
        };
        let (scheme, place) = split(url, &["postgres", "postgresql"], fields.database_host.as_deref()).ok_or_else(|| {
            Failure::bad_input(
                "the database URL has no form in which a Secret could have it: give it as postgres://user:password@host/database, and \
                 --database-host if pods reach the server by another name",
            )
        })?;
        let nats_user =
            match &fields.nats_user_file {
                Some(file) => Some(new_file(file).map_err(|error| {
                    Failure::bad_input(format!("failed to make the file {}: {error}", file.display()))
                })?),
                None => None,
            };
        let files = fields.file.iter().map(|file| read(file)).collect::<Result<_, _>>()?;
        Ok(Self { scheme, place, nats_url: nats_url.map(|url| url.trim().to_owned()), nats_user, files })
    }

    /// Writes the NATS user, if it is asked for, and logs in as it from here on.
    ///
    /// # Errors
    /// When the URL of NATS has no place for a login, or the file cannot be written.
    pub(super) fn make_nats_user(&mut self, user: &NatsUser, login: &Login) -> Result<(), Failure> {
        let (Some(mut file), Some(url)) = (self.nats_user.take(), self.nats_url.as_deref()) else { return Ok(()) };
        let (scheme, place) = split(url, &["nats", "tls"], None).ok_or_else(|| {
            Failure::bad_input("the URL of NATS has no place for a login: give it as nats://host or tls://host")
        })?;
        self.nats_url = Some(login.url(&scheme, &place));
        let user = NatsPermissions::of(user).user_block(&login.role, &login.password);
        file.write_all(format!("{user}\n").as_bytes()).map_err(|error| Failure::of(&error))
    }
}

/// A file that workers read, by its name.
fn read(file: &Path) -> Result<(&'static str, Vec<u8>), Failure> {
    let known = FILES.into_iter().find(|name| file.file_name() == Some(name.as_ref()));
    let name = known.ok_or_else(|| {
        Failure::bad_input(format!("workers read no file {}: name it as one of {}", file.display(), FILES.join(", ")))
    })?;
    let content = std::fs::read(file)
        .map_err(|error| Failure::bad_input(format!("failed to read {}: {error}", file.display())))?;
    Ok((name, content))
}

/// A file that only its owner reads.
fn new_file(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

/// Scheme and place of a URL, with another host if one is given.
fn split(url: &str, schemes: &[&str], host: Option<&str>) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://").filter(|(scheme, _)| schemes.contains(scheme))?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let present = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.unwrap_or(present);
    (!host.is_empty()).then(|| (scheme.to_owned(), format!("{host}{path}")))
}

/// The Secret, as YAML.
///
/// # Errors
/// When it cannot be written as YAML.
pub(super) fn render(
    namespace: &str,
    name: &str,
    server: &Server,
    login: &Login,
    kek: Option<&Kek>,
) -> Result<String, Failure> {
    let url = login.url(&server.scheme, &server.place);
    let encoded = |text: &str| BASE64_STANDARD.encode(text);
    let mut data = serde_json::json!({ "DATABASE_URL": encoded(&url) });
    if let Some(kek) = kek {
        data["kek"] = encoded(&kek.to_base64()).into();
    }
    if let Some(nats) = &server.nats_url {
        data["NATS_URL"] = encoded(nats).into();
    }
    for (name, content) in &server.files {
        data[*name] = BASE64_STANDARD.encode(content).into();
    }
    let secret = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name, "namespace": namespace, "labels": { "app.kubernetes.io/part-of": "vaultstream" },
        },
        "type": "Opaque",
        "data": data,
    });
    serde_yaml_ng::to_string(&secret).map_err(|error| Failure::of(&error))
}

#[cfg(test)]
mod tests {
    use vaultstream_streams::Tenant;

    use super::*;

    #[test]
    fn the_login_takes_the_place_of_the_one_in_the_url() {
        for (url, host, expected) in [
            ("postgres://dba:p@ss@db:5432/ledger?sslmode=verify-full", None, "db:5432/ledger?sslmode=verify-full"),
            ("postgresql://db/ledger", Some("pg.data.svc:6432"), "pg.data.svc:6432/ledger"),
            ("postgres://dba@/ledger", Some("db"), "db/ledger"),
            ("postgres://dba@db?dbname=ledger", None, "db?dbname=ledger"),
        ] {
            assert_eq!(split(url, &["postgres", "postgresql"], host).unwrap().1, expected, "{url}");
        }
        for url in ["host=db dbname=ledger", "postgres://dba@/ledger", "mysql://db/ledger"] {
            assert_eq!(split(url, &["postgres", "postgresql"], None), None, "{url}");
        }
    }

    #[test]
    fn the_secret_has_the_login_and_the_key_and_nothing_of_the_dba() {
        let server = Server {
            scheme: "postgres".to_owned(),
            place: "db/ledger".to_owned(),
            nats_url: Some("nats://u:p@nats".to_owned()),
            nats_user: None,
            files: vec![("postgres-ca.crt", b"an authority".to_vec())],
        };
        let login = Login { role: "vs_a b".to_owned(), password: "s3cret".to_owned() };
        let kek = Kek::generate("new".parse().unwrap()).unwrap();
        let secret = render("team-a", "vaultstream-connection", &server, &login, Some(&kek)).unwrap();
        let secret: serde_json::Value = serde_yaml_ng::from_str(&secret).unwrap();
        let user = NatsUser::Worker(Tenant::new("cluster", "team-a"));
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut confined = Server { nats_user: Some(file.reopen().unwrap()), ..server };
        confined.make_nats_user(&user, &Login { role: "vs_team-a".to_owned(), password: "n4ts".to_owned() }).unwrap();
        assert_eq!(confined.nats_url.as_deref(), Some("nats://vs_team-a:n4ts@nats"));
        let user = std::fs::read_to_string(file.path()).unwrap();
        assert!(user.contains("n4ts") && user.contains("CONSUMER.MSG.NEXT.*.cluster_team-a"), "{user}");
        let field = |name: &str| {
            String::from_utf8(BASE64_STANDARD.decode(secret["data"][name].as_str().unwrap()).unwrap()).unwrap()
        };
        assert_eq!(secret["metadata"]["namespace"], "team-a");
        assert_eq!(field("DATABASE_URL"), "postgres://vs_a%20b:s3cret@db/ledger");
        assert_eq!(field("postgres-ca.crt"), "an authority");
        assert_eq!((field("NATS_URL").as_str(), field("kek")), ("nats://u:p@nats", kek.to_base64().to_string()));
    }
}
