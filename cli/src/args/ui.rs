//! The live page.

use std::{
    net::{AddrParseError, SocketAddr},
    str::FromStr,
};

use clap::Args;

use super::ledger::LedgerArgs;

/// `vaultstream ui`.
#[derive(Args, Clone, Debug)]
pub struct UiArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,

    /// Where the page is served: an address of this machine's own. Port 0 is a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    pub listen: LocalAddress,
}

/// An address that only this machine reaches: whoever sees the page has the rights of who runs the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddress(pub SocketAddr);

/// Why an address is refused.
#[derive(Debug, thiserror::Error)]
pub enum NotLocal {
    /// It is none.
    #[error("it has to be an address with a port, such as 127.0.0.1:8090")]
    NoAddress(#[from] AddrParseError),
    /// Others reach it.
    #[error(
        "others could reach it, and would see the jobs with your rights: give an address of 127.0.0.0/8 or [::1], and reach it from elsewhere \
         through `ssh -L`"
    )]
    Reachable,
}

impl FromStr for LocalAddress {
    type Err = NotLocal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address: SocketAddr = text.parse()?;
        if address.ip().is_loopback() { Ok(Self(address)) } else { Err(NotLocal::Reachable) }
    }
}
