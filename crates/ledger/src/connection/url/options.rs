//! Options of libpq, and of hosts and libraries that have their own: honoured, ignored, or refused.

use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, LoadBalanceHosts, SslNegotiation, TargetSessionAttrs};

use super::target::{Authorities, BadUrl, SslMode, Target, TlsVersions, TlsWishes};

/// Means nothing here: pools, caches and schemas of other libraries, and what is never done.
const IGNORED: [&str; 27] = [
    "pgbouncer",
    "schema",
    "currentSchema",
    "search_path",
    "connection_limit",
    "pool_timeout",
    "pool",
    "pool_size",
    "max_pool_size",
    "pool_max_conns",
    "pool_min_conns",
    "socket_timeout",
    "statement_cache_size",
    "statement_cache_capacity",
    "default_query_exec_mode",
    "prepared_statements",
    "prepareThreshold",
    "binary_parameters",
    "reWriteBatchedInserts",
    "encoding",
    "client_encoding",
    "adapter",
    "timezone",
    "supa",
    "workaround",
    "uselibpqcompat",
    "conn_max_age",
];

/// Has no effect that anybody could miss.
const HARMLESS: [&str; 8] = [
    "fallback_application_name",
    "krbsrvname",
    "gsslib",
    "gssdelegation",
    "sslcompression",
    "min_protocol_version",
    "max_protocol_version",
    "directConnection",
];

/// Cannot be done, and cannot be left out without a word, and what to do instead.
const UNSUPPORTED: [(&str, &str); 17] = [
    ("service", "service files are not read, write the URL in full"),
    ("servicefile", "service files are not read, write the URL in full"),
    ("passfile", "password files are not read, write the password into the URL or set PGPASSWORD"),
    ("gssencmode", "GSSAPI is not built in, use TLS"),
    ("replication", "an ordinary session is needed, remove it"),
    ("require_auth", "how to log in cannot be limited from here, remove it"),
    ("requirepeer", "the server's user cannot be checked from here, remove it"),
    ("sslcrl", "revocation lists are not read, remove it"),
    ("sslcrldir", "revocation lists are not read, remove it"),
    ("sslpassword", "encrypted keys are not read, give a key without a password as sslkey"),
    ("sslidentity", "PKCS #12 files are not read, give PEM files as sslcert and sslkey"),
    ("sslfactory", "it names a class of Java, use sslmode and sslrootcert"),
    ("sslkeylogfile", "keys of sessions are never written to files, remove it"),
    ("scram_client_key", "log in with a password"),
    ("scram_server_key", "log in with a password"),
    ("oauth_issuer", "log in with a password or a certificate"),
    ("oauth_client_id", "log in with a password or a certificate"),
];

/// Takes one option, the `number`th, into the target.
pub(super) fn apply(target: &mut Target, name: &str, value: &str, number: usize) -> Result<(), BadUrl> {
    let is_off =
        matches!((name, value), ("gssencmode", "disable" | "prefer")) || (name == "replication" && is_no(value));
    if is_off || HARMLESS.contains(&name) {
        return Ok(());
    }
    if let Some(&name) = IGNORED.iter().find(|ignored| **ignored == name) {
        target.ignored.push(name);
        return Ok(());
    }
    if let Some(&(name, instead)) = UNSUPPORTED.iter().find(|(unsupported, _)| *unsupported == name) {
        return Err(BadUrl::Unsupported { name, instead });
    }
    if address(&mut target.config, name, value)?
        || behaviour(&mut target.config, name, value)?
        || tls(&mut target.tls, &mut target.config, name, value)?
    {
        return Ok(());
    }
    Err(BadUrl::Unknown { number })
}

pub(super) fn bad_port() -> BadUrl {
    BadUrl::Value { name: "port", known: "numbers up to 65535" }
}

fn is_no(value: &str) -> bool {
    matches!(value, "0" | "off" | "no" | "false")
}

/// Where, and who.
fn address(config: &mut Config, name: &str, value: &str) -> Result<bool, BadUrl> {
    match name {
        "host" => value.split(',').for_each(|host| {
            config.host(host);
        }),
        "hostaddr" => {
            for address in value.split(',') {
                let known = "IP addresses";
                config.hostaddr(address.parse().map_err(|_| BadUrl::Value { name: "hostaddr", known })?);
            }
        }
        "port" => {
            for port in value.split(',') {
                config.port(port.parse().map_err(|_| bad_port())?);
            }
        }
        "user" => {
            config.user(value);
        }
        "password" => {
            config.password(value);
        }
        "dbname" => {
            config.dbname(value);
        }
        "application_name" | "ApplicationName" => {
            config.application_name(value);
        }
        "options" => {
            config.options(value);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// How the connection behaves. Zero means the default, as it does to libpq.
fn behaviour(config: &mut Config, name: &str, value: &str) -> Result<bool, BadUrl> {
    let seconds = |name| number(name, value).map(|seconds| (seconds > 0).then(|| Duration::from_secs(seconds)));
    match name {
        "connect_timeout" => set(config, seconds("connect_timeout")?, Config::connect_timeout),
        "keepalives" => {
            config.keepalives(number("keepalives", value)? != 0);
        }
        "keepalives_idle" => set(config, seconds("keepalives_idle")?, Config::keepalives_idle),
        "keepalives_interval" => set(config, seconds("keepalives_interval")?, Config::keepalives_interval),
        "keepalives_count" | "keepalives_retries" => {
            let count = u32::try_from(number("keepalives_count", value)?).unwrap_or(u32::MAX);
            set(config, (count > 0).then_some(count), Config::keepalives_retries);
        }
        "tcp_user_timeout" => {
            let time = number("tcp_user_timeout", value)?;
            set(config, (time > 0).then(|| Duration::from_millis(time)), Config::tcp_user_timeout);
        }
        "target_session_attrs" | "targetServerType" => {
            config.target_session_attrs(match value {
                "any" | "prefer-standby" => TargetSessionAttrs::Any,
                "read-write" | "primary" => TargetSessionAttrs::ReadWrite,
                "read-only" | "standby" => TargetSessionAttrs::ReadOnly,
                _ => {
                    let known = "any, read-write, read-only, primary, standby, prefer-standby";
                    return Err(BadUrl::Value { name: "target_session_attrs", known });
                }
            });
        }
        "load_balance_hosts" => {
            config.load_balance_hosts(match value {
                "disable" => LoadBalanceHosts::Disable,
                "random" => LoadBalanceHosts::Random,
                _ => return Err(BadUrl::Value { name: "load_balance_hosts", known: "disable, random" }),
            });
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn number(name: &'static str, value: &str) -> Result<u64, BadUrl> {
    // Less than nothing is nothing, to libpq.
    if value.strip_prefix('-').is_some_and(|digits| digits.parse::<u64>().is_ok()) {
        return Ok(0);
    }
    value.parse().map_err(|_| BadUrl::Value { name, known: "whole numbers" })
}

fn set<T>(config: &mut Config, value: Option<T>, set: impl FnOnce(&mut Config, T) -> &mut Config) {
    if let Some(value) = value {
        set(config, value);
    }
}

/// Encryption.
fn tls(wishes: &mut TlsWishes, config: &mut Config, name: &str, value: &str) -> Result<bool, BadUrl> {
    match name {
        "sslmode" => wishes.mode = Some(mode(value)?),
        // Of other libraries; what sslmode says goes before it.
        "ssl" | "requiressl" => {
            let said = if !is_no(value) {
                Some(SslMode::Require)
            } else if name == "ssl" {
                Some(SslMode::Disable)
            } else {
                None
            };
            wishes.mode = wishes.mode.or(said);
        }
        // Prisma's: whether `require` checks.
        "sslaccept" => {
            if value == "strict" {
                wishes.mode = Some(SslMode::VerifyFull);
            }
        }
        "sslrootcert" => {
            let system = value == "system";
            wishes.authorities = Some(if system { Authorities::System } else { Authorities::File(value.into()) });
        }
        "sslcert" => wishes.cert = Some(value.into()),
        "sslkey" => wishes.key = Some(value.into()),
        "sslcertmode" => wishes.no_cert = value == "disable",
        "sslsni" => wishes.no_sni = value == "0",
        "ssl_min_protocol_version" => match value {
            "TLSv1" | "TLSv1.1" | "TLSv1.2" => {}
            "TLSv1.3" => wishes.versions = TlsVersions::Only13,
            _ => return Err(BadUrl::Value { name: "ssl_min_protocol_version", known: "TLSv1 to TLSv1.3" }),
        },
        "ssl_max_protocol_version" => match value {
            "TLSv1.3" => {}
            "TLSv1.2" => wishes.versions = TlsVersions::Only12,
            _ => return Err(BadUrl::Value { name: "ssl_max_protocol_version", known: "TLSv1.2, TLSv1.3" }),
        },
        "sslnegotiation" => {
            config.ssl_negotiation(match value {
                "postgres" => SslNegotiation::Postgres,
                "direct" => SslNegotiation::Direct,
                _ => return Err(BadUrl::Value { name: "sslnegotiation", known: "postgres, direct" }),
            });
        }
        "channel_binding" => {
            config.channel_binding(match value {
                "disable" => ChannelBinding::Disable,
                "prefer" => ChannelBinding::Prefer,
                "require" => ChannelBinding::Require,
                _ => return Err(BadUrl::Value { name: "channel_binding", known: "disable, prefer, require" }),
            });
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn mode(value: &str) -> Result<SslMode, BadUrl> {
    Ok(match value {
        "disable" => SslMode::Disable,
        "allow" | "prefer" => SslMode::Prefer,
        // As node-postgres writes it.
        "require" | "no-verify" => SslMode::Require,
        "verify-ca" => SslMode::VerifyCa,
        "verify-full" => SslMode::VerifyFull,
        _ => {
            let known = "disable, allow, prefer, require, verify-ca, verify-full";
            return Err(BadUrl::Value { name: "sslmode", known });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn each_option_reaches_the_driver_and_zero_is_its_default() {
        type Read = fn(&Config) -> String;
        let cases: [(&str, Read, &str); 32] = [
            ("host=a,b", |config| format!("{:?}", config.get_hosts()), "[Tcp(\"h\"), Tcp(\"a\"), Tcp(\"b\")]"),
            ("hostaddr=10.0.0.1,::1", |config| format!("{:?}", config.get_hostaddrs()), "[10.0.0.1, ::1]"),
            ("port=1,2", |config| format!("{:?}", config.get_ports()), "[5432, 1, 2]"),
            ("user=me", |config| format!("{:?}", config.get_user()), "Some(\"me\")"),
            ("password=p", |config| format!("{:?}", config.get_password()), "Some([112])"),
            ("dbname=d", |config| format!("{:?}", config.get_dbname()), "Some(\"d\")"),
            ("application_name=a", |config| format!("{:?}", config.get_application_name()), "Some(\"a\")"),
            ("ApplicationName=a", |config| format!("{:?}", config.get_application_name()), "Some(\"a\")"),
            ("options=-cx", |config| format!("{:?}", config.get_options()), "Some(\"-cx\")"),
            ("connect_timeout=3", |config| format!("{:?}", config.get_connect_timeout()), "Some(3s)"),
            ("connect_timeout=0", |config| format!("{:?}", config.get_connect_timeout()), "None"),
            ("connect_timeout=-1", |config| format!("{:?}", config.get_connect_timeout()), "None"),
            ("keepalives=1", |config| format!("{:?}", config.get_keepalives()), "true"),
            ("keepalives=0", |config| format!("{:?}", config.get_keepalives()), "false"),
            ("keepalives_idle=5", |config| format!("{:?}", config.get_keepalives_idle()), "5s"),
            ("keepalives_idle=0", |config| format!("{:?}", config.get_keepalives_idle()), "7200s"),
            ("keepalives_interval=5", |config| format!("{:?}", config.get_keepalives_interval()), "Some(5s)"),
            ("keepalives_count=2", |config| format!("{:?}", config.get_keepalives_retries()), "Some(2)"),
            ("keepalives_retries=2", |config| format!("{:?}", config.get_keepalives_retries()), "Some(2)"),
            ("keepalives_count=0", |config| format!("{:?}", config.get_keepalives_retries()), "None"),
            ("tcp_user_timeout=1500", |config| format!("{:?}", config.get_tcp_user_timeout()), "Some(1.5s)"),
            ("tcp_user_timeout=0", |config| format!("{:?}", config.get_tcp_user_timeout()), "None"),
            ("target_session_attrs=any", |config| format!("{:?}", config.get_target_session_attrs()), "Any"),
            ("targetServerType=primary", |config| format!("{:?}", config.get_target_session_attrs()), "ReadWrite"),
            ("target_session_attrs=standby", |config| format!("{:?}", config.get_target_session_attrs()), "ReadOnly"),
            ("load_balance_hosts=disable", |config| format!("{:?}", config.get_load_balance_hosts()), "Disable"),
            ("load_balance_hosts=random", |config| format!("{:?}", config.get_load_balance_hosts()), "Random"),
            ("sslnegotiation=postgres", |config| format!("{:?}", config.get_ssl_negotiation()), "Postgres"),
            ("sslnegotiation=direct", |config| format!("{:?}", config.get_ssl_negotiation()), "Direct"),
            ("channel_binding=disable", |config| format!("{:?}", config.get_channel_binding()), "Disable"),
            ("channel_binding=prefer", |config| format!("{:?}", config.get_channel_binding()), "Prefer"),
            ("channel_binding=require", |config| format!("{:?}", config.get_channel_binding()), "Require"),
        ];
        for (option, read, expected) in cases {
            let config = parse(&format!("postgres://h?{option}")).unwrap().config;
            assert_eq!(read(&config), expected, "{option}");
        }
    }

    #[test]
    fn a_value_that_an_option_cannot_have_is_told_with_those_that_it_can() {
        let numbers = "whole numbers";
        for (name, known) in [
            ("hostaddr", "IP addresses"),
            ("port", "numbers up to 65535"),
            ("connect_timeout", numbers),
            ("keepalives", numbers),
            ("keepalives_count", numbers),
            ("tcp_user_timeout", numbers),
            ("target_session_attrs", "any, read-write, read-only, primary, standby, prefer-standby"),
            ("load_balance_hosts", "disable, random"),
            ("sslnegotiation", "postgres, direct"),
            ("channel_binding", "disable, prefer, require"),
            ("ssl_min_protocol_version", "TLSv1 to TLSv1.3"),
            ("ssl_max_protocol_version", "TLSv1.2, TLSv1.3"),
        ] {
            for value in ["other", "-other", "99999999999999999999999"] {
                let told = parse(&format!("postgres://h?{name}={value}")).unwrap_err().to_string();
                assert_eq!(told, format!("the value of {name} is not known; known are {known}"));
            }
        }
    }

    #[test]
    fn encryption_is_what_sslmode_says_and_else_what_other_options_mean() {
        use SslMode::{Disable, Prefer, Require, VerifyCa, VerifyFull};
        for (options, mode) in [
            ("sslmode=disable", Some(Disable)),
            ("sslmode=allow", Some(Prefer)),
            ("sslmode=prefer", Some(Prefer)),
            ("sslmode=require", Some(Require)),
            ("sslmode=no-verify", Some(Require)),
            ("sslmode=verify-ca", Some(VerifyCa)),
            ("sslmode=verify-full", Some(VerifyFull)),
            ("ssl=true", Some(Require)),
            ("ssl=off", Some(Disable)),
            ("requiressl=1", Some(Require)),
            ("requiressl=0", None),
            ("ssl=true&sslmode=disable", Some(Disable)),
            ("sslmode=disable&ssl=true", Some(Disable)),
            ("sslaccept=strict", Some(VerifyFull)),
            ("sslaccept=accept_invalid_certs", None),
            ("sslmode=require&sslaccept=accept_invalid_certs", Some(Require)),
        ] {
            assert_eq!(parse(&format!("postgres://h?{options}")).unwrap().tls.mode, mode, "{options}");
        }
    }

    #[test]
    fn what_is_switched_off_or_the_default_changes_nothing() {
        for option in ["gssencmode=prefer", "replication=off", "sslcompression=1", "sslcertmode=allow", "sslsni=1"] {
            let target = parse(&format!("postgres://h?{option}")).unwrap();
            assert_eq!((target.ignored, target.tls.no_cert, target.tls.no_sni), (vec![], false, false), "{option}");
        }
        for option in ["ssl_min_protocol_version=TLSv1.2", "ssl_max_protocol_version=TLSv1.3"] {
            assert_eq!(parse(&format!("postgres://h?{option}")).unwrap().tls.versions, TlsVersions::Both, "{option}");
        }
    }
}
