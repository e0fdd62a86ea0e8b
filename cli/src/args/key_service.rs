//! A service that holds the key-encryption key.

use std::path::PathBuf;

use clap::Args;

/// A key-encryption key that does not leave its service.
#[derive(Args, Clone, Debug)]
pub struct KeyServiceArgs {
    /// The key-encryption key in a service: in the transit engine of Vault or OpenBao, as transit+https://HOST:8200/MOUNT/keys/KEY, or
    /// behind a KMS v2 plugin of Kubernetes, as kms+unix:///PATH/OF/ITS/SOCKET.
    #[arg(long, env = "VAULTSTREAM_KEK_URL", value_name = "URL")]
    pub kek_url: Option<String>,

    /// A file with the token for Vault or OpenBao.
    #[arg(long, env = "VAULTSTREAM_KEK_TOKEN_FILE", value_name = "FILE")]
    pub kek_token_file: Option<PathBuf>,

    /// The authorities that its certificate must come from, PEM. Default: the system's.
    #[arg(long, env = "VAULTSTREAM_KEK_CA_FILE", value_name = "FILE")]
    pub kek_ca_file: Option<PathBuf>,
}
