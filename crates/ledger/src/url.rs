//! The database URL, read without ever repeating what may be a secret.

use std::str::FromStr;

use tokio_postgres::Config;

/// How far the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SslCheck {
    /// As far as files were given: with an authority fully, else not at all.
    WhenGiven,
    /// The chain, not the name.
    Chain,
    /// The chain and the name.
    Full,
}

/// What is wrong with the URL. Names no part of it but known option names, for a password may be anywhere in it.
#[derive(Debug, thiserror::Error)]
pub enum BadUrl {
    /// Not a URL and not key=value pairs.
    #[error(
        "expected postgres://user:password@host:port/database; characters like @ : / in a password are written as %40 %3A %2F"
    )]
    Shape,
    /// A known option with a value that Postgres clients do not know.
    #[error("the value of {0} is not known")]
    Value(&'static str),
    /// Neither host nor database.
    #[error("it names no host")]
    NoHost,
}

/// libpq's modes that the driver does not know by name.
const VERIFYING: [(&str, SslCheck); 2] = [("verify-ca", SslCheck::Chain), ("verify-full", SslCheck::Full)];

/// Option names that may appear in an error.
const OPTIONS: [&str; 8] = [
    "sslmode",
    "sslnegotiation",
    "port",
    "connect_timeout",
    "keepalives",
    "target_session_attrs",
    "channel_binding",
    "load_balance_hosts",
];

pub(crate) fn parse(url: &str) -> Result<(Config, SslCheck), BadUrl> {
    let mut check = SslCheck::WhenGiven;
    let mut known = url.trim().to_owned();
    for (name, level) in VERIFYING {
        let spelled = format!("sslmode={name}");
        if known.contains(&spelled) {
            known = known.replace(&spelled, "sslmode=require");
            check = level;
        }
    }
    let config = Config::from_str(&known).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        match OPTIONS.iter().find(|option| cause.contains(&format!("`{option}`"))) {
            Some(option) => BadUrl::Value(option),
            None => BadUrl::Shape,
        }
    })?;
    if config.get_hosts().is_empty() {
        return Err(BadUrl::NoHost);
    }
    Ok((config, check))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_url_is_never_repeated() {
        for url in ["postgres://me:secret@host:port/db", "secret", "postgres://h?secret=1"] {
            let error = parse(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("sec"), "{error}");
        }
    }

    #[test]
    fn a_wrong_sslmode_is_named() {
        let error = parse("postgres://host/db?sslmode=perhaps").unwrap_err();
        assert_eq!(error.to_string(), "the value of sslmode is not known");
    }

    #[test]
    fn libpq_s_verifying_modes_are_known() {
        assert_eq!(parse("postgres://host/db?sslmode=verify-full").unwrap().1, SslCheck::Full);
        assert_eq!(parse("host=h dbname=d sslmode=verify-ca").unwrap().1, SslCheck::Chain);
        assert_eq!(parse("postgres://host/db").unwrap().1, SslCheck::WhenGiven);
    }
}
