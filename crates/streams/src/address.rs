//! The URL of NATS: servers, and what to log in with.

use async_nats::ServerAddr;
use percent_encoding::percent_decode_str;

/// The part before the `@`. No `Debug`: it is a secret.
#[derive(PartialEq, Eq)]
pub(crate) enum Login {
    Nothing,
    Token(String),
    User { name: String, password: String },
}

/// Servers without any secret in them, and the login.
pub(crate) struct Address {
    pub(crate) servers: Vec<ServerAddr>,
    pub(crate) login: Login,
    /// Servers that may be reached without encryption.
    open: Vec<ServerAddr>,
}

impl Address {
    /// Whether the URL allows a connection to this server that is not encrypted.
    pub(crate) fn is_open(&self, server: &ServerAddr) -> bool {
        self.open.contains(server)
    }

    /// Where the servers are, for messages.
    pub(crate) fn place(&self) -> String {
        let places: Vec<_> = self.servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
        places.join(", ")
    }
}

/// Why a URL is not an address of NATS. Never shows the URL, which may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// No server is named.
    #[error("it does not name a server")]
    Empty,
    /// It is not a URL, or one of another kind.
    #[error("it does not have the form nats://[TOKEN@ | USER:PASSWORD@]HOST[:PORT] or tls://…")]
    Invalid,
    /// Two servers come with different logins.
    #[error("its servers have different users or tokens")]
    Logins,
    /// An unknown option after the question mark.
    #[error("the only option it may have is ?tls=disable, to connect without encryption")]
    Option,
}

/// Reads one or more URLs separated by commas. Secrets may be percent-encoded. The login is removed from the URLs, because
/// these end up in logs.
pub(crate) fn parse(urls: &str) -> Result<Address, AddressError> {
    let mut servers = Vec::new();
    let mut login = Login::Nothing;
    let mut open = Vec::new();
    for url in urls.split(',').map(str::trim).filter(|url| !url.is_empty()) {
        let parsed: ServerAddr = url.parse().map_err(|_| AddressError::Invalid)?;
        let mut parsed = parsed.into_inner();
        if !matches!(parsed.scheme(), "nats" | "tls") || parsed.host_str().is_none_or(str::is_empty) {
            return Err(AddressError::Invalid);
        }
        let found = match (parsed.username(), parsed.password()) {
            ("", None) => Login::Nothing,
            (token, None) => Login::Token(decode(token)?),
            (name, Some(password)) => Login::User { name: decode(name)?, password: decode(password)? },
        };
        if found != Login::Nothing {
            if login != Login::Nothing && login != found {
                return Err(AddressError::Logins);
            }
            login = found;
        }
        let is_open = match parsed.query() {
            None | Some("") => false,
            Some("tls=disable") if parsed.scheme() == "nats" => true,
            Some(_) => return Err(AddressError::Option),
        };
        parsed.set_query(None);
        parsed.set_username("").and_then(|()| parsed.set_password(None)).map_err(|()| AddressError::Invalid)?;
        let server = ServerAddr::from_url(parsed).map_err(|_| AddressError::Invalid)?;
        if is_open {
            open.push(server.clone());
        }
        servers.push(server);
    }
    if servers.is_empty() { Err(AddressError::Empty) } else { Ok(Address { servers, login, open }) }
}

fn decode(text: &str) -> Result<String, AddressError> {
    percent_decode_str(text).decode_utf8().map(Into::into).map_err(|_| AddressError::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_taken_out_of_the_url() {
        let address = parse("nats://s%2Fcr%40t@127.0.0.1:4333").ok().unwrap();
        assert!(address.login == Login::Token("s/cr@t".into()));
        assert_eq!(address.servers[0].as_url_str(), "nats://127.0.0.1:4333");
        let address = parse("tls://u:p%3Aw@nats.example, nats://other:1").ok().unwrap();
        assert!(address.login == Login::User { name: "u".into(), password: "p:w".into() });
        assert!(address.servers.iter().all(|server| !server.as_url_str().contains('@')));
        assert_eq!(address.servers.len(), 2);
        assert!(parse("nats.example:4222").ok().unwrap().login == Login::Nothing);
    }

    #[test]
    fn a_server_may_be_allowed_to_be_talked_to_in_the_clear() {
        let address = parse("nats://t@a?tls=disable,nats://t@b:1").ok().unwrap();
        assert_eq!(address.servers.iter().map(|server| address.is_open(server)).collect::<Vec<_>>(), [true, false]);
        assert_eq!(address.servers[0].as_url_str(), "nats://a");
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for (url, expected) in [
            ("", "does not name a server"),
            (" , ", "does not name a server"),
            ("http://s3cret@host", "not have the form"),
            ("ws://s3cret@host", "not have the form"),
            ("nats://s3cret@", "not have the form"),
            ("nats://s3cret@host:notaport", "not have the form"),
            ("nats://s3cret@a,nats://other@b", "different users"),
            ("nats://s3cret@a?tls=s3cret", "the only option"),
            ("nats://a?s3cret", "the only option"),
            ("tls://s3cret@a?tls=disable", "the only option"),
        ] {
            let Err(refused) = parse(url) else { panic!("{url} was accepted") };
            assert!(refused.to_string().contains(expected), "{url}: {refused}");
            assert!(!format!("{refused} {refused:?}").contains("s3cret"));
        }
    }
}
