//! Authorization of callers: the front proxy names the user, the API server decides.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::{Api, Client, api::PostParams};
use parking_lot::Mutex;

use super::{
    api::{GROUP, VERSION, failure},
    front_proxy::{FrontProxy, Headers},
};

/// How long a decision of the API server is remembered.
const DECISION_TTL: Duration = Duration::from_secs(10);
/// Decisions remembered. The few autoscalers of a cluster never come near it.
const DECISION_LIMIT: usize = 1000;

/// Asks the API server whether a caller may read a metric, and remembers its decisions for a moment. Cheap to clone.
#[derive(Clone)]
pub(super) struct CallerAuthorizer {
    reviews: Api<SubjectAccessReview>,
    front_proxy: Arc<FrontProxy>,
    decisions: Arc<Mutex<HashMap<AccessRequest, (Instant, bool)>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct AccessRequest {
    user: String,
    groups: Vec<String>,
    namespace: String,
    metric: String,
}

impl CallerAuthorizer {
    pub(super) fn new(client: Client, front_proxy: Arc<FrontProxy>) -> Self {
        Self { reviews: Api::all(client), front_proxy, decisions: Arc::default() }
    }

    async fn may_read(&self, access: AccessRequest) -> Result<bool, kube::Error> {
        let remembered = self.decisions.lock().get(&access).copied();
        if let Some((at, allowed)) = remembered
            && at.elapsed() < DECISION_TTL
        {
            return Ok(allowed);
        }
        let review = SubjectAccessReview { spec: access.spec(), ..SubjectAccessReview::default() };
        let review = self.reviews.create(&PostParams::default(), &review).await?;
        let allowed = review.status.is_some_and(|status| status.allowed);
        let mut decisions = self.decisions.lock();
        if decisions.len() >= DECISION_LIMIT {
            decisions.clear();
        }
        decisions.insert(access, (Instant::now(), allowed));
        Ok(allowed)
    }
}

impl AccessRequest {
    fn new(headers: &HeaderMap, names: &Headers, namespace: String, metric: String) -> Option<Self> {
        let all = |names: &[String]| -> Vec<String> {
            let values = names.iter().flat_map(|name| headers.get_all(name.as_str()));
            values.filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
        };
        let user = all(&names.user).into_iter().next()?;
        Some(Self { user, groups: all(&names.group), namespace, metric })
    }

    fn spec(&self) -> SubjectAccessReviewSpec {
        SubjectAccessReviewSpec {
            user: Some(self.user.clone()),
            groups: Some(self.groups.clone()),
            resource_attributes: Some(ResourceAttributes {
                group: Some(GROUP.to_owned()),
                version: Some(VERSION.to_owned()),
                resource: Some(self.metric.clone()),
                namespace: Some(self.namespace.clone()),
                // The verb that the API server uses for a GET without a name.
                verb: Some("list".to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        }
    }
}

/// Lets a request through whose user may read the metric.
pub(super) async fn authorise(
    State(callers): State<CallerAuthorizer>,
    Path((namespace, metric)): Path<(String, String)>,
    request: Request,
    next: Next,
) -> Response {
    let names = callers.front_proxy.headers();
    let Some(access) = AccessRequest::new(request.headers(), &names, namespace, metric) else {
        return failure(StatusCode::UNAUTHORIZED, "Unauthorized", "the request names no user").into_response();
    };
    let refusal = format!("user {:?} may not read {} in namespace {:?}", access.user, access.metric, access.namespace);
    match callers.may_read(access).await {
        Ok(true) => next.run(request).await,
        Ok(false) => failure(StatusCode::FORBIDDEN, "Forbidden", &refusal).into_response(),
        Err(error) => {
            tracing::warn!(
                error = vaultstream_program::chain(&error),
                "the permission of a caller could not be checked"
            );
            let message = "the API server could not be asked whether this is allowed";
            failure(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_named_by_the_headers_the_cluster_publishes() {
        let names = Headers { user: vec!["x-remote-user".to_owned()], group: vec!["x-remote-group".to_owned()] };
        let mut headers = HeaderMap::new();
        let access = |headers: &HeaderMap| AccessRequest::new(headers, &names, "ns".to_owned(), "metric".to_owned());
        assert_eq!(access(&headers), None);
        headers.insert("X-Remote-User", "hpa".parse().unwrap());
        headers.append("X-Remote-Group", "one".parse().unwrap());
        headers.append("X-Remote-Group", "two".parse().unwrap());
        let asked = access(&headers).unwrap();
        assert_eq!(
            (asked.user.as_str(), asked.groups.as_slice()),
            ("hpa", ["one".to_owned(), "two".to_owned()].as_slice())
        );
    }
}
