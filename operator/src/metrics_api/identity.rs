//! The serving certificate. It is kept in one Secret, which all replicas read and any of them renews; or it is in a folder, where another program
//! renews it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{Api, Client, api::PostParams};
use parking_lot::RwLock;
use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use time::OffsetDateTime;

use super::certificate::{CertificateError, Issued, issue, renew};
use crate::permissions::METRICS_SECRET;

/// The certificate cannot be loaded or renewed.
#[derive(Debug, thiserror::Error)]
pub(super) enum IdentityError {
    #[error("failed to {0} the Secret {METRICS_SECRET}")]
    Secret(&'static str, #[source] kube::Error),
    #[error("the Secret {METRICS_SECRET} is missing: apply the objects of the release, of which it is one")]
    Missing,
    #[error("failed to read the certificate of the metrics API, {0}")]
    File(PathBuf, #[source] std::io::Error),
    #[error("the certificate of the metrics API cannot be used")]
    Certificate(#[from] CertificateError),
    #[error("the certificate of the metrics API does not fit its key")]
    Tls(#[from] rustls::Error),
}

/// The certificate and key that callers see.
pub(super) struct ServingIdentity {
    secrets: Api<Secret>,
    names: Vec<String>,
    folder: Option<PathBuf>,
    present: RwLock<Option<(Issued, Arc<CertifiedKey>)>>,
}

impl ServingIdentity {
    pub(super) fn new(client: Client, namespace: &str, service: &str, folder: Option<PathBuf>) -> Self {
        let name = format!("{service}.{namespace}.svc");
        Self {
            secrets: Api::namespaced(client, namespace),
            names: vec![format!("{name}.cluster.local"), name],
            folder,
            present: RwLock::default(),
        }
    }

    /// Loads the Secret, and fills or renews it when that is due; or reads the folder. Returns the authorities.
    pub(super) async fn refresh(&self) -> Result<String, IdentityError> {
        let issued = match &self.folder {
            Some(folder) => from_folder(folder).await?,
            None => self.issued().await?,
        };
        let mut present = self.present.write();
        if present.as_ref().is_none_or(|(known, _)| *known != issued) {
            let certified = Arc::new(certified(&issued)?);
            *present = Some((issued.clone(), certified));
        }
        Ok(issued.authorities)
    }

    async fn issued(&self) -> Result<Issued, IdentityError> {
        let now = OffsetDateTime::now_utc();
        let Some(secret) =
            self.secrets.get_opt(METRICS_SECRET).await.map_err(|error| IdentityError::Secret("read", error))?
        else {
            return Err(IdentityError::Missing);
        };
        let renewed = match from_secret(&secret) {
            Some(held) => match renew(&self.names, &held, now) {
                Ok(None) => return Ok(held),
                Ok(Some(renewed)) => renewed,
                // Another writer has stored something unusable.
                Err(_) => issue(&self.names, None, now)?,
            },
            // As the release made it: empty.
            None => issue(&self.names, None, now)?,
        };
        let updated = Secret { data: Some(to_data(&renewed)), ..secret };
        // Under the version that was read: when two replicas renew at the same time, one fails and then reads what the other
        // wrote.
        match self.secrets.replace(METRICS_SECRET, &PostParams::default(), &updated).await {
            Ok(_) => Ok(renewed),
            Err(error) => Err(IdentityError::Secret("renew", error)),
        }
    }
}

impl std::fmt::Debug for ServingIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServingIdentity").field("names", &self.names).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for ServingIdentity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let present = self.present.read();
        present.as_ref().map(|(_, certified)| Arc::clone(certified))
    }
}

fn certified(issued: &Issued) -> Result<CertifiedKey, IdentityError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(issued.certificate.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(CertificateError::Pem)?;
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).map_err(CertificateError::Pem)?;
    Ok(CertifiedKey::from_der(chain, key, &rustls::crypto::aws_lc_rs::default_provider())?)
}

/// As cert-manager writes it.
async fn from_folder(folder: &Path) -> Result<Issued, IdentityError> {
    let text = async |name: &str| {
        let path = folder.join(name);
        tokio::fs::read_to_string(&path).await.map_err(|error| IdentityError::File(path, error))
    };
    let (authorities, certificate, key) = (text("ca.crt").await?, text("tls.crt").await?, text("tls.key").await?);
    Ok(Issued { authorities, authority_key: String::new(), certificate, key })
}

fn from_secret(secret: &Secret) -> Option<Issued> {
    let data = secret.data.as_ref()?;
    let text = |key: &str| data.get(key).and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
    Some(Issued {
        authorities: text("ca.crt")?,
        authority_key: text("ca.key")?,
        certificate: text("tls.crt")?,
        key: text("tls.key")?,
    })
}

fn to_data(issued: &Issued) -> BTreeMap<String, ByteString> {
    let Issued { authorities, authority_key, certificate, key } = issued;
    let pairs = [("ca.crt", authorities), ("ca.key", authority_key), ("tls.crt", certificate), ("tls.key", key)];
    pairs.map(|(name, text)| (name.to_owned(), ByteString(text.clone().into_bytes()))).into()
}
