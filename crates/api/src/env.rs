//! Environment variables of the workers.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::names::{OWN_ENV, OWN_ENV_PREFIXES};
use crate::pattern;

/// One environment variable with its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvLiteral {
    /// The variable's name.
    #[schemars(length(min = 1, max = 128), regex(pattern = pattern::ENV_NAME.regex))]
    pub name: String,

    /// The variable's value.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub value: String,
}

/// Whether a variable belongs to the worker or to its loader, so that a template must not set it.
pub(crate) fn is_own_env(name: &str) -> bool {
    OWN_ENV.contains(&name) || OWN_ENV_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// [`is_own_env`] as the API server checks it.
pub(crate) fn own_env_rule() -> String {
    let names = OWN_ENV.map(|name| format!("'{name}'")).join(", ");
    let prefixes = OWN_ENV_PREFIXES.map(|prefix| format!(" || e.name.startsWith('{prefix}')")).concat();
    format!("!has(self.env) || !self.env.exists(e, e.name in [{names}]{prefixes})")
}
