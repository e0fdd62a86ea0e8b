//! The bodies of the proxy's responses.

use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Bytes;

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(super) type ProxyBody = UnsyncBoxBody<Bytes, BoxError>;
