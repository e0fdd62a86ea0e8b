//! What a database URL says, and what can be wrong with it.

use std::path::PathBuf;

use tokio_postgres::Config;

/// What the URL says about encryption. Absent: it says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SslMode {
    /// Never.
    Disable,
    /// When the server can. libpq's `allow`, too.
    Prefer,
    /// Always.
    Require,
    /// And the server's certificate comes from an authority that is trusted.
    VerifyCa,
    /// And it is for the host's name.
    VerifyFull,
}

/// Where trusted authorities are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Authorities {
    /// In this file.
    File(PathBuf),
    /// With the system.
    System,
}

/// Versions of TLS that may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TlsVersions {
    #[default]
    Both,
    Only12,
    Only13,
}

/// What the URL says about TLS.
#[derive(Debug, Default)]
pub(crate) struct TlsWishes {
    pub(crate) mode: Option<SslMode>,
    pub(crate) authorities: Option<Authorities>,
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    /// No client certificate is shown, whatever files there are.
    pub(crate) no_cert: bool,
    /// The host's name is not told in clear text.
    pub(crate) no_sni: bool,
    pub(crate) versions: TlsVersions,
}

/// Where to connect, and how.
#[derive(Debug, Default)]
pub(crate) struct Target {
    pub(crate) config: Config,
    pub(crate) tls: TlsWishes,
    /// Options without effect here, by name.
    pub(crate) ignored: Vec<&'static str>,
}

/// What is wrong with the URL. Names no part of it but known option names, for a password may be anywhere in it.
#[derive(Debug, thiserror::Error)]
pub enum BadUrl {
    /// Not a URL and not key=value pairs.
    #[error(
        "expected postgres://user:password@host:port/database; characters like @ : / in a password are written as %40 %3A %2F"
    )]
    Shape,
    /// It begins and ends with a quotation mark.
    #[error("it is in quotation marks: remove them")]
    Quoted,
    /// A known option with a value that Postgres clients do not know.
    #[error("the value of {name} is not known; known are {known}")]
    Value {
        /// The option.
        name: &'static str,
        /// What it may be.
        known: &'static str,
    },
    /// An option that has a meaning elsewhere and cannot be done here.
    #[error("the option {name} is not supported: {instead}")]
    Unsupported {
        /// The option.
        name: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// An unknown option. Its name is not shown: it may be the rest of a password.
    #[error("option number {number} in it is not known: correct its name, or remove it")]
    Unknown {
        /// Counted from 1.
        number: usize,
    },
    /// Neither host nor database.
    #[error("it does not name a host")]
    NoHost,
}
