//! The database URL, read without ever repeating what may be a secret.
//!
//! Addresses and logins are the driver's to read; options are read here, because people write more of them than the
//! driver knows: those of libpq, and of hosts and libraries that have URLs of their own.

mod dial;
mod options;
mod target;
mod words;

use std::str::FromStr;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

pub use dial::{dialled_at, tcp_hosts};
pub use target::BadUrl;
pub(crate) use target::{Authorities, SslMode, Target, TlsVersions, TlsWishes};

/// Reads a URL or a string of key=value pairs.
pub(crate) fn parse(text: &str) -> Result<Target, BadUrl> {
    let text = text.trim();
    if text.starts_with(['\'', '"']) {
        return Err(BadUrl::Quoted);
    }
    let mut target = Target::default();
    let pairs = match as_url(text) {
        Some(url) => {
            let (address, options) = split(&url);
            target.config = Config::from_str(address).map_err(|error| bad_address(&error))?;
            in_query(options)?
        }
        None => words::pairs(text).ok_or(BadUrl::Shape)?,
    };
    for (position, (name, value)) in pairs.iter().enumerate().filter(|(_, (_, value))| !value.is_empty()) {
        options::apply(&mut target, name, value, position + 1)?;
    }
    if target.config.get_hosts().is_empty() {
        return Err(BadUrl::NoHost);
    }
    Ok(target)
}

/// The URL as the driver reads it. Other libraries name themselves in the scheme.
fn as_url(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.strip_prefix("jdbc:").unwrap_or(scheme);
    let (scheme, _library) = scheme.split_once('+').unwrap_or((scheme, ""));
    let known = ["postgres", "postgresql"].iter().any(|name| scheme.eq_ignore_ascii_case(name));
    known.then(|| format!("postgres://{rest}"))
}

/// Address and options. A question mark in a password belongs to the address.
fn split(url: &str) -> (&str, &str) {
    let login = url.find('@').unwrap_or(0);
    let options = url[login..].find('?').map(|at| login + at);
    options.map_or((url, ""), |at| (&url[..at], &url[at + 1..]))
}

fn in_query(options: &str) -> Result<Vec<(String, String)>, BadUrl> {
    let decode = |text| percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| BadUrl::Shape);
    let named = options.split('&').filter(|option| !option.is_empty());
    named
        .map(|option| {
            let (name, value) = option.split_once('=').ok_or(BadUrl::Shape)?;
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

fn bad_address(error: &tokio_postgres::Error) -> BadUrl {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    if cause.contains("`port`") { options::bad_port() } else { BadUrl::Shape }
}

/// Whether every host is this machine.
pub(crate) fn is_local(config: &Config) -> bool {
    let by_name = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    });
    by_name || (!config.get_hostaddrs().is_empty() && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(url: &str) -> String {
        let error = parse(url).unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(!told.contains("s3cret"), "{told}");
        error.to_string()
    }

    #[test]
    fn a_bad_url_is_never_repeated() {
        for url in [
            "postgres://me:s3cret@host:port/db",
            "s3cret",
            "postgres://h?s3cret=1",
            "postgres://h?s3cret",
            "postgres://me:a?s3cret=b@h/db?sslmode=s3cret",
            "host=h s3cret=1",
            "host=h password='s3cret",
            "'postgres://me:s3cret@h/db'",
            "mysql://me:s3cret@h/db",
            "postgres://me:s3cret@/db",
        ] {
            words(url);
        }
    }

    #[test]
    fn the_urls_that_hosts_and_libraries_write_are_understood() {
        for (url, mode, ignored) in [
            ("postgres://u:p@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d1abc", None, vec![]),
            ("postgres://u:p@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d1abc?ssl=true", Some(SslMode::Require), vec![]),
            ("postgresql://postgres.abc:p@aws-0-eu-west-1.pooler.supabase.com:5432/postgres", None, vec![]),
            (
                "postgresql://postgres.abc:p@aws-0-eu-west-1.pooler.supabase.com:6543/postgres?pgbouncer=true&connection_limit=1",
                None,
                vec!["pgbouncer", "connection_limit"],
            ),
            (
                "postgresql://u:p@ep-cool-1.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require",
                Some(SslMode::Require),
                vec![],
            ),
            (
                "postgresql://u:p@h.neon.tech/neondb?sslmode=verify-full&options=endpoint%3Dep-cool-1",
                Some(SslMode::VerifyFull),
                vec![],
            ),
            (
                "postgresql://u:p@localhost:5432/mydb?schema=public&pool_timeout=2&socket_timeout=3&statement_cache_size=0",
                None,
                vec!["schema", "pool_timeout", "socket_timeout", "statement_cache_size"],
            ),
            ("postgresql://u:p@h/mydb?sslmode=require&sslaccept=strict", Some(SslMode::VerifyFull), vec![]),
            ("postgresql://u:p@dpg-abc-a.frankfurt-postgres.render.com/db_x1", None, vec![]),
            ("postgresql://u:p@dpg-abc-a/db_x1?ssl=false", Some(SslMode::Disable), vec![]),
            ("postgres://u:p@h:5432/d?sslmode=allow&gssencmode=disable", Some(SslMode::Prefer), vec![]),
            ("postgresql+psycopg2://u:p@h/d", None, vec![]),
            ("jdbc:postgresql://h:5432/d?user=u&password=p&ssl=true&ApplicationName=x", Some(SslMode::Require), vec![]),
            ("postgres://u:p@h1:5432,h2:5433/d?target_session_attrs=primary&load_balance_hosts=random", None, vec![]),
            ("postgres://u:p@h/d?connect_timeout=3&keepalives=1&keepalives_idle=5&keepalives_count=2", None, vec![]),
            (
                "postgres://u:p@h/d?tcp_user_timeout=1500&sslcompression=0&ssl_min_protocol_version=TLSv1.2",
                None,
                vec![],
            ),
            ("host=h port=5433 user=u password='a b\\'c' dbname=d sslmode=verify-ca", Some(SslMode::VerifyCa), vec![]),
            ("postgres://u:p@h/d?sslmode=&application_name=mine", None, vec![]),
            // The question mark is the password's.
            ("postgres://u:a?b@h/d?&sslmode=require&", Some(SslMode::Require), vec![]),
            ("PostgreSQL://u:p@h/d", None, vec![]),
        ] {
            let target = parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!((target.tls.mode, target.ignored), (mode, ignored), "{url}");
            assert_eq!(
                target.config.get_user(),
                Some(if url.contains("supabase") { "postgres.abc" } else { "u" }),
                "{url}"
            );
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        for (option, told) in [
            ("sslmode=perhaps", "the value of sslmode is not known; known are disable, allow, prefer"),
            ("service=ledger", "the option service is not supported"),
            ("passfile=/x", "the option passfile is not supported"),
            ("gssencmode=require", "the option gssencmode is not supported"),
            ("require_auth=scram-sha-256", "the option require_auth is not supported"),
            ("sslcrl=/x", "the option sslcrl is not supported"),
            ("sslpassword=s3cret", "the option sslpassword is not supported"),
            ("replication=database", "the option replication is not supported"),
            ("target_session_attrs=s3cret", "the value of target_session_attrs is not known"),
            ("sslmod=require", "option number 1 in it is not known"),
            ("port=s3cret", "the value of port is not known"),
        ] {
            let url = words(&format!("postgres://me:s3cret@host/db?{option}"));
            assert!(url.starts_with(told), "{url}");
            let pairs = words(&format!("host=h {option}"));
            assert!(pairs.starts_with(&told.replace("number 1", "number 2")), "{pairs}");
        }
        assert!(words("\"postgres://u:s3cret@h/d\"").contains("quotation marks"));
        assert!(words("nonsense").starts_with("expected postgres://"));
        assert_eq!(words("postgres:///db"), "it does not name a host");
    }

    #[test]
    fn files_and_versions_of_the_url_are_taken() {
        let tls = |options: &str| parse(&format!("postgres://u@h/d?{options}")).unwrap().tls;
        let named = tls("sslrootcert=%2Fa%2Fca.pem&sslcert=c.pem&sslkey=k.pem&sslsni=0");
        assert_eq!(named.authorities, Some(Authorities::File("/a/ca.pem".into())));
        assert_eq!((named.cert, named.key), (Some("c.pem".into()), Some("k.pem".into())));
        assert!(named.no_sni && !named.no_cert && named.mode.is_none());
        assert_eq!(tls("sslrootcert=system").authorities, Some(Authorities::System));
        assert!(tls("sslcertmode=disable").no_cert);
        assert_eq!(tls("ssl_min_protocol_version=TLSv1.3").versions, TlsVersions::Only13);
        assert_eq!(tls("ssl_max_protocol_version=TLSv1.2").versions, TlsVersions::Only12);
    }

    #[test]
    fn only_this_machine_is_local() {
        let local = |url: &str| is_local(&parse(url).unwrap().config);
        for url in ["postgres://localhost/d", "postgres://127.0.0.2/d", "postgres://[::1]/d", "postgres://%2Ftmp/d"] {
            assert!(local(url), "{url}");
        }
        for url in ["postgres://10.0.0.1/d", "postgres://db.example/d", "postgres://localhost,db.example/d"] {
            assert!(!local(url), "{url}");
        }
        assert!(local("host=db.example hostaddr=127.0.0.1"));
    }
}
