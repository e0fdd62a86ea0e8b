//! A server that is dialled at another address than its URL says: through a forwarded port.

use std::net::SocketAddr;

use tokio_postgres::config::Host;

use super::{BadUrl, as_url, is_local, parse, split, words};

/// The hosts of a database URL that are reached by TCP, with their ports.
///
/// # Errors
///
/// See [`BadUrl`].
pub fn tcp_hosts(url: &str) -> Result<Vec<(String, u16)>, BadUrl> {
    let config = parse(url)?.config;
    let port = |at: usize| config.get_ports().get(at).or(config.get_ports().first()).copied().unwrap_or(5432);
    let hosts = config.get_hosts().iter().enumerate();
    Ok(hosts
        .filter_map(|(at, host)| match host {
            Host::Tcp(name) => Some((name.clone(), port(at))),
            Host::Unix(_) => None,
        })
        .collect())
}

/// The URL of the same server, dialled at `address`. Certificates are still checked for the host that it names, and encryption is required
/// where it was.
///
/// # Errors
///
/// See [`BadUrl`].
pub fn dialled_at(url: &str, address: SocketAddr) -> Result<String, BadUrl> {
    let target = parse(url)?;
    let (ip, port) = (address.ip(), address.port());
    // Without a word about it encryption depends on the address.
    let require = target.tls.mode.is_none() && !is_local(&target.config);
    let Some(text) = as_url(url.trim()) else {
        let pairs = words::pairs(url.trim()).ok_or(BadUrl::Shape)?;
        let kept = pairs.into_iter().filter(|(name, _)| !replaces(name, require));
        let quoted = |value: &str| value.replace('\\', "\\\\").replace('\'', "\\'");
        let mut words: Vec<String> = kept.map(|(name, value)| format!("{name}='{}'", quoted(&value))).collect();
        words.extend([format!("hostaddr={ip}"), format!("port={port}")]);
        words.extend(require.then(|| "sslmode=require".to_owned()));
        return Ok(words.join(" "));
    };
    let (place, options) = split(&text);
    let kept = options.split('&').filter(|option| !option.is_empty());
    let kept = kept.filter(|option| !replaces(option.split('=').next().unwrap_or_default(), require));
    let mut options: Vec<String> = kept.map(str::to_owned).collect();
    options.push(format!("hostaddr={ip}"));
    options.extend(require.then(|| "sslmode=require".to_owned()));
    Ok(format!("{}?{}", with_port(place, port), options.join("&")))
}

/// Whether an option is replaced; an empty `sslmode` is, too.
fn replaces(name: &str, sslmode: bool) -> bool {
    matches!(name, "hostaddr" | "port") || (sslmode && name == "sslmode")
}

/// `postgres://user:password@host:port/database` with another port.
fn with_port(place: &str, port: u16) -> String {
    let host = place.rfind('@').map_or_else(|| place.find("://").map_or(0, |at| at + 3), |at| at + 1);
    let path = place[host..].find('/').map_or(place.len(), |at| host + at);
    let (login, name, path) = (&place[..host], &place[host..path], &place[path..]);
    // The colons of an IPv6 address are in brackets.
    let end = name.rfind(':').filter(|colon| !name[*colon..].contains(']')).unwrap_or(name.len());
    format!("{login}{}:{port}{path}", &name[..end])
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::SslMode as DriverMode;

    use super::*;
    use crate::connection::tls::{Encryption, TlsFiles};

    /// Host, address, port and encryption of what is dialled.
    fn dialled(url: &str, tls: &TlsFiles) -> (Vec<(String, u16)>, String, DriverMode) {
        let url = dialled_at(url, "127.0.0.1:6000".parse().unwrap()).unwrap();
        let target = parse(&url).unwrap_or_else(|error| panic!("{url}: {error}"));
        let mode = Encryption::decide(target.tls.mode, &target.tls.files(tls), is_local(&target.config)).mode;
        (tcp_hosts(&url).unwrap(), format!("{:?}", target.config.get_hostaddrs()), mode)
    }

    #[test]
    fn a_url_is_dialled_elsewhere_under_its_own_name_and_not_encrypted_less() {
        for (url, mode) in [
            ("postgres://u:p@db.team.svc/d", DriverMode::Require),
            ("postgres://u:p@db.team.svc:5433/d?sslmode=disable", DriverMode::Disable),
            ("postgres://u:a?b@db.team.svc:5433/d?sslmode=prefer&connect_timeout=3", DriverMode::Prefer),
            ("postgres://u:p@db.team.svc:5433", DriverMode::Require),
            ("postgres://u:p:@db.team.svc/d", DriverMode::Require),
            ("postgres://db.team.svc:5433/d?user=u&sslmode=", DriverMode::Require),
            ("host=db.team.svc port=5433 user=u password='a b\\'c'", DriverMode::Require),
            ("host=db.team.svc user=u sslmode=verify-full hostaddr=10.0.0.1", DriverMode::Require),
        ] {
            let expected = (vec![("db.team.svc".to_owned(), 6000)], "[127.0.0.1]".to_owned(), mode);
            assert_eq!(dialled(url, &TlsFiles::default()), expected, "{url}");
        }
        let password = |url: &str| parse(url).unwrap().config.get_password().map(<[u8]>::to_vec);
        for url in ["host=db user=u password='a b\\'c\\\\'", "postgres://u:a?b@db/d"] {
            let new = dialled_at(url, "127.0.0.1:6000".parse().unwrap()).unwrap();
            assert_eq!(password(&new), password(url), "{new}");
        }
    }

    #[test]
    fn hosts_are_those_that_are_reached_by_tcp() {
        let hosts = |url: &str| tcp_hosts(url).unwrap();
        assert_eq!(hosts("postgres://u@a:1,b:2/d"), [("a".to_owned(), 1), ("b".to_owned(), 2)]);
        assert_eq!(hosts("host=a user=u"), [("a".to_owned(), 5432)]);
        assert_eq!(hosts("postgres://%2Ftmp/d"), []);
    }
}
