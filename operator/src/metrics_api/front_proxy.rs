//! The API server's front proxy: how it is recognized, and in which headers it names the user. The cluster publishes both in
//! the ConfigMap `kube-system/extension-apiserver-authentication`.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use parking_lot::RwLock;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

const CONFIG_MAP: &str = "extension-apiserver-authentication";

/// The front proxy cannot be recognized.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrontProxyError {
    #[error("failed to read the ConfigMap kube-system/{CONFIG_MAP}")]
    Read(#[source] kube::Error),
    #[error("the ConfigMap kube-system/{CONFIG_MAP} has no usable requestheader-client-ca-file")]
    Unusable,
}

/// Verifies the front proxy's client certificate, and knows its headers.
pub(super) struct FrontProxy {
    config_maps: Api<ConfigMap>,
    provider: Arc<CryptoProvider>,
    trusted: RwLock<Option<Trusted>>,
}

#[derive(Clone)]
struct Trusted {
    authorities: String,
    verifier: Arc<dyn ClientCertVerifier>,
    /// Common names that are accepted; empty means any name that the authority has signed.
    names: Vec<String>,
    headers: Headers,
}

/// Headers that name the user, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Headers {
    pub(super) user: Vec<String>,
    pub(super) group: Vec<String>,
}

impl FrontProxy {
    pub(super) fn new(client: Client) -> Self {
        Self {
            config_maps: Api::namespaced(client, "kube-system"),
            provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
            trusted: RwLock::default(),
        }
    }

    /// Reads the ConfigMap.
    pub(super) async fn refresh(&self) -> Result<(), FrontProxyError> {
        let map = self.config_maps.get(CONFIG_MAP).await.map_err(FrontProxyError::Read)?;
        let data = map.data.unwrap_or_default();
        let list = |key: &str| -> Vec<String> {
            data.get(key).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
        };
        let lower = |key: &str| list(key).iter().map(|name| name.to_ascii_lowercase()).collect();
        let authorities = data.get("requestheader-client-ca-file").cloned().unwrap_or_default();
        let known = self.trusted().filter(|trusted| trusted.authorities == authorities);
        let verifier = match known {
            Some(known) => known.verifier,
            None => self.verifier(&authorities)?,
        };
        let trusted = Trusted {
            authorities,
            verifier,
            names: list("requestheader-allowed-names"),
            headers: Headers {
                user: lower("requestheader-username-headers"),
                group: lower("requestheader-group-headers"),
            },
        };
        *self.trusted.write() = Some(trusted);
        Ok(())
    }

    /// The headers that name the user.
    pub(super) fn headers(&self) -> Headers {
        self.trusted().map(|trusted| trusted.headers).unwrap_or_default()
    }

    fn trusted(&self) -> Option<Trusted> {
        self.trusted.read().clone()
    }

    fn verifier(&self, authorities: &str) -> Result<Arc<dyn ClientCertVerifier>, FrontProxyError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
            let certificate = certificate.map_err(|_| FrontProxyError::Unusable)?;
            roots.add(certificate).map_err(|_| FrontProxyError::Unusable)?;
        }
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .build()
            .map_err(|_| FrontProxyError::Unusable)
    }
}

impl std::fmt::Debug for FrontProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrontProxy").finish_non_exhaustive()
    }
}

impl ClientCertVerifier for FrontProxy {
    /// Empty: the authorities may change while connections are made, and clients then send the certificate they have.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let trusted = self.trusted().ok_or_else(|| rustls::Error::General("no front proxy is known yet".to_owned()))?;
        let verified = trusted.verifier.verify_client_cert(end_entity, intermediates, now)?;
        if trusted.names.is_empty() || common_name(end_entity).is_some_and(|name| trusted.names.contains(&name)) {
            Ok(verified)
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let name = certificate.subject().iter_common_name().next()?.as_str().ok()?.to_owned();
    Some(name)
}
