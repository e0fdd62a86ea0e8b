//! A cert-manager that is away.

use crate::harness::{kubectl, on_another_runtime};
use crate::issuers::CERT_MANAGER;

/// No cert-manager runs until this is dropped.
pub(crate) struct Away;

impl Away {
    pub(crate) async fn begin() -> Self {
        let away = Self;
        scale(0).await;
        let gone = ["-n", CERT_MANAGER, "wait", "--for=delete", "pod", "-l", "app=cert-manager", "--timeout=60s"];
        let (met, said) = kubectl(&gone).await;
        assert!(met, "{said}");
        away
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        on_another_runtime(scale(1));
    }
}

async fn scale(replicas: u8) {
    let replicas = format!("--replicas={replicas}");
    let (scaled, said) = kubectl(&["-n", CERT_MANAGER, "scale", "deployment/cert-manager", &replicas]).await;
    assert!(scaled, "{said}");
}
