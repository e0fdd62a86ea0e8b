//! Who calls, and whether they may: the front proxy names the user, the API server decides.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
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

use super::{
    GROUP, VERSION, failure,
    front_proxy::{FrontProxy, Headers},
};

/// How long an answer of the API server is believed.
const BELIEVED: Duration = Duration::from_secs(10);
/// Answers remembered; the few autoscalers of a cluster never come near it.
const MOST_REMEMBERED: usize = 1000;

/// Asks the API server, and remembers its answers for a moment. Cheap to clone.
#[derive(Clone)]
pub(super) struct Callers {
    reviews: Api<SubjectAccessReview>,
    front_proxy: Arc<FrontProxy>,
    answers: Arc<Mutex<HashMap<Question, (Instant, bool)>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    user: String,
    groups: Vec<String>,
    namespace: String,
    metric: String,
}

impl Callers {
    pub(super) fn new(client: Client, front_proxy: Arc<FrontProxy>) -> Self {
        Self { reviews: Api::all(client), front_proxy, answers: Arc::default() }
    }

    async fn may_read(&self, question: Question) -> Result<bool, kube::Error> {
        let remembered = self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&question).copied();
        if let Some((at, allowed)) = remembered
            && at.elapsed() < BELIEVED
        {
            return Ok(allowed);
        }
        let review = SubjectAccessReview { spec: question.spec(), ..SubjectAccessReview::default() };
        let answer = self.reviews.create(&PostParams::default(), &review).await?;
        let allowed = answer.status.is_some_and(|status| status.allowed);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST_REMEMBERED {
            answers.clear();
        }
        answers.insert(question, (Instant::now(), allowed));
        Ok(allowed)
    }
}

impl Question {
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
                // What the API server makes of a GET without a name.
                verb: Some("list".to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        }
    }
}

/// Lets a request through whose user may read the metric.
pub(super) async fn authorise(
    State(callers): State<Callers>,
    Path((namespace, metric)): Path<(String, String)>,
    request: Request,
    next: Next,
) -> Response {
    let names = callers.front_proxy.headers();
    let Some(question) = Question::new(request.headers(), &names, namespace, metric) else {
        return failure(StatusCode::UNAUTHORIZED, "Unauthorized", "the request names no user").into_response();
    };
    let told =
        format!("user {:?} may not read {} in namespace {:?}", question.user, question.metric, question.namespace);
    match callers.may_read(question).await {
        Ok(true) => next.run(request).await,
        Ok(false) => failure(StatusCode::FORBIDDEN, "Forbidden", &told).into_response(),
        Err(error) => {
            tracing::warn!(error = crate::chain(&error), "the permission of a caller could not be checked");
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
        let question = |headers: &HeaderMap| Question::new(headers, &names, "ns".to_owned(), "metric".to_owned());
        assert_eq!(question(&headers), None);
        headers.insert("X-Remote-User", "hpa".parse().unwrap());
        headers.append("X-Remote-Group", "one".parse().unwrap());
        headers.append("X-Remote-Group", "two".parse().unwrap());
        let asked = question(&headers).unwrap();
        assert_eq!(
            (asked.user.as_str(), asked.groups.as_slice()),
            ("hpa", ["one".to_owned(), "two".to_owned()].as_slice())
        );
    }
}
