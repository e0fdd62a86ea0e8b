//! Tenants as `vaultstream tenant` makes them.

use std::path::Path;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use uuid::Uuid;

use super::{Ended, Program, Site};

impl Site {
    /// `vaultstream tenant`, as the ledger's owner.
    pub(crate) async fn tenant(&self, args: &[&str]) -> Ended {
        let program = Program::vaultstream(&[&["tenant"], args].concat());
        program.env("VAULTSTREAM_DATABASE_URL", &self.database_url).end().await
    }
}

/// A login of its own for each test: roles belong to the server, which other tests use, too.
pub(crate) fn role_for(namespace: &str) -> String {
    format!("vs_{namespace}_{:x}", Uuid::new_v4().as_u128())
}

/// A printed Secret, mounted as a folder.
pub(crate) fn mount(secret: &str, folder: &Path) -> Value {
    std::fs::create_dir(folder).unwrap();
    let secret: Value = serde_yaml_ng::from_str(secret).unwrap();
    for (key, value) in secret["data"].as_object().unwrap() {
        std::fs::write(folder.join(key), BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap();
    }
    secret
}
