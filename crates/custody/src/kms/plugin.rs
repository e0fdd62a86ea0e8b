//! The protocol: package `v2` of k8s.io/kms/apis/v2/api.proto, over gRPC.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use hyper::http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::net::UnixStream;
use tonic::client::Grpc;
use tonic::transport::{Endpoint, Uri};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;
use zeroize::Zeroize as _;

use crate::{ServiceFault, WrapperError};

/// How long a plugin may take for one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest text of a plugin that is told.
const TEXT_LIMIT: usize = 300;

#[derive(Clone, PartialEq, Message)]
pub(super) struct StatusRequest {}

#[derive(Clone, PartialEq, Message)]
pub(super) struct StatusResponse {
    /// `v2`.
    #[prost(string, tag = "1")]
    pub(super) version: String,
    /// `ok`, or what is wrong.
    #[prost(string, tag = "2")]
    pub(super) healthz: String,
    /// The key that encrypts.
    #[prost(string, tag = "3")]
    pub(super) key_id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct EncryptRequest {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) plaintext: Vec<u8>,
    /// Names the request in logs.
    #[prost(string, tag = "2")]
    pub(super) uid: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct EncryptResponse {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) ciphertext: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(super) key_id: String,
    #[prost(btree_map = "string, bytes", tag = "3")]
    pub(super) annotations: BTreeMap<String, Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct DecryptRequest {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) ciphertext: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(super) uid: String,
    #[prost(string, tag = "3")]
    pub(super) key_id: String,
    #[prost(btree_map = "string, bytes", tag = "4")]
    pub(super) annotations: BTreeMap<String, Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct DecryptResponse {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) plaintext: Vec<u8>,
}

// What gRPC buffers is not wiped.
impl Drop for EncryptRequest {
    fn drop(&mut self) {
        self.plaintext.zeroize();
    }
}

impl Drop for DecryptResponse {
    fn drop(&mut self) {
        self.plaintext.zeroize();
    }
}

/// A plugin's socket.
pub(super) struct Plugin(PathBuf);

impl Plugin {
    pub(super) fn new(socket: PathBuf) -> Self {
        Self(socket)
    }

    /// Calls a method of `v2.KeyManagementService`, on a connection of its own: a worker does it once or twice in its life.
    pub(super) async fn call<Q, R>(&self, method: &'static str, request: Q) -> Result<R, WrapperError>
    where
        Q: Message + Send + Sync + 'static,
        R: Message + Default + 'static,
    {
        match tokio::time::timeout(CALL_TIMEOUT, self.exchange(method, request)).await {
            Ok(done) => done,
            Err(_) => Err(WrapperError::Unavailable(
                self.fault(format!("no response to {method} within {} s", CALL_TIMEOUT.as_secs())),
            )),
        }
    }

    async fn exchange<Q, R>(&self, method: &'static str, request: Q) -> Result<R, WrapperError>
    where
        Q: Message + Send + Sync + 'static,
        R: Message + Default + 'static,
    {
        let stream = UnixStream::connect(&self.0).await.map_err(|error| {
            WrapperError::Unavailable(self.fault(format!("failed to connect to its socket: {error}")))
        })?;
        let mut stream = Some(TokioIo::new(stream));
        // Every request of gRPC names a host. A socket has none.
        let connected = Endpoint::from_static("http://localhost")
            .connect_with_connector(service_fn(move |_: Uri| {
                let stream = stream.take().ok_or_else(|| std::io::Error::other("the connection has ended"));
                async move { stream }
            }))
            .await;
        let unreachable = |error: tonic::transport::Error| WrapperError::Unavailable(self.fault(error.to_string()));
        let mut client = Grpc::new(connected.map_err(unreachable)?);
        client.ready().await.map_err(unreachable)?;
        let path = format!("/v2.KeyManagementService/{method}");
        let path =
            PathAndQuery::try_from(path).map_err(|error| WrapperError::Unavailable(self.fault(error.to_string())))?;
        let codec = ProstCodec::<Q, R>::default();
        match client.unary(Request::new(request), path, codec).await {
            Ok(response) => Ok(response.into_inner()),
            Err(status) => Err(self.error(method, &status)),
        }
    }

    /// Plugins choose codes as they like: those that tell of a refusal need a person, and all others may pass. What a plugin is given to
    /// decrypt is what it has returned, so that a key of its own is at fault where it does not accept that.
    fn error(&self, method: &str, status: &Status) -> WrapperError {
        let said: String = status
            .message()
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .take(TEXT_LIMIT)
            .collect();
        let fault = self.fault(format!("it responded to {method} with {:?}: {said}", status.code()));
        match status.code() {
            Code::InvalidArgument | Code::DataLoss if method == "Decrypt" => WrapperError::OtherKey(fault),
            Code::PermissionDenied
            | Code::Unauthenticated
            | Code::NotFound
            | Code::Unimplemented
            | Code::FailedPrecondition => WrapperError::Refused(fault),
            _ => WrapperError::Unavailable(fault),
        }
    }

    fn fault(&self, why: String) -> ServiceFault {
        ServiceFault { service: self.to_string(), why, source: None }
    }
}

impl fmt::Display for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}
