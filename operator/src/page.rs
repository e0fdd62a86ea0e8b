//! The live page of the cluster: each viewer sees what its own token may list.

use std::{sync::Arc, time::SystemTime};

use futures_util::{FutureExt as _, future::BoxFuture};
use k8s_openapi::api::{
    apps::v1::Deployment,
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    events::v1::Event,
};
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
};
use tokio::sync::OnceCell;
use uuid::Uuid;
use vaultstream_api::names::{JOB_UID_LABEL, RETRY_REJECTS};
use vaultstream_ledger::{Job, JobState, Ledger};
use vaultstream_page::{Place, Refused, Rights, Viewer, Workers};

use crate::{api_client, cluster_id::cluster_id, config::Config, dependencies::Dependencies};

/// Events of a job that are shown.
const MOST_EVENTS: usize = 50;

/// The page of the cluster.
pub(crate) struct ClusterPage {
    client: Client,
    dependencies: Dependencies,
    /// By which the ledger knows the cluster, once that was read.
    cluster: Arc<OnceCell<String>>,
}

impl ClusterPage {
    /// Begins to look for the cluster's identity.
    pub(crate) fn start(config: &Config, client: &Client, dependencies: &Dependencies) -> Self {
        let page = Self { client: client.clone(), dependencies: dependencies.clone(), cluster: Arc::default() };
        let (cluster, client, config) = (Arc::clone(&page.cluster), client.clone(), config.clone());
        tokio::spawn(async move {
            let find = || cluster_id(config.cluster_id.as_deref(), &config.operator_namespace, &client);
            cluster.get_or_init(find).await;
        });
        page
    }

    async fn of_deployment(&self, job: &Job) -> Option<Workers> {
        let deployments = Api::<Deployment>::namespaced(self.client.clone(), &job.namespace);
        let of_job = ListParams::default().labels(&format!("{JOB_UID_LABEL}={}", job.uid));
        let deployment = deployments.list(&of_job).await.ok()?.items.into_iter().next()?;
        let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
        let wanted = number(deployment.spec.and_then(|spec| spec.replicas));
        let there = deployment.status.map(|status| number(status.ready_replicas).unwrap_or(0));
        Some(Workers { wanted, there })
    }
}

fn event(event: Event) -> vaultstream_page::Event {
    let (last, count) = match event.series {
        Some(series) => (Some(SystemTime::from(series.last_observed_time.0)), series.count),
        None => (None, 1),
    };
    let at = last.or(event.event_time.map(|time| SystemTime::from(time.0)));
    vaultstream_page::Event {
        at: at.unwrap_or(SystemTime::UNIX_EPOCH),
        is_warning: event.type_.as_deref() == Some("Warning"),
        reason: event.reason.unwrap_or_default(),
        message: event.note.unwrap_or_default(),
        count: u32::try_from(count).unwrap_or(1),
    }
}

impl Place for ClusterPage {
    fn name(&self) -> &'static str {
        "cluster"
    }

    fn rights(&self) -> Rights {
        Rights::Token
    }

    fn cluster(&self) -> Option<String> {
        // No job has this identity: before the cluster's own is known, none is shown.
        Some(self.cluster.get().cloned().unwrap_or_default())
    }

    fn ledger(&self) -> Result<Ledger, String> {
        self.dependencies.ledger().map_err(|fault| fault.message)
    }

    fn viewer<'a>(&'a self, token: Option<&'a str>) -> BoxFuture<'a, Result<Box<dyn Viewer>, Refused>> {
        async move { Ok(Box::new(TokenViewer::of(token).await?) as Box<dyn Viewer>) }.boxed()
    }

    fn workers<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Workers> {
        async { self.of_deployment(job).await.unwrap_or_default() }.boxed()
    }

    fn command(&self, job: &Job, verb: &str, options: &[&str]) -> String {
        let options: String = options.iter().map(|option| format!(" {option}")).collect();
        match verb {
            "delete" => format!("kubectl delete signingjob {} -n {}", job.name, job.namespace),
            _ => format!("kubectl vaultstream {verb} {} -n {}{options}", job.name, job.namespace),
        }
    }

    fn actions(&self, job: &Job) -> Vec<(&'static str, String)> {
        let of = |verb: &str, rest: &str| format!("kubectl {verb} signingjob {} -n {} {rest}", job.name, job.namespace);
        let suspend = |wanted| of("patch", &format!(r#"--type merge -p '{{"spec":{{"suspend":{wanted}}}}}'"#));
        match job.state {
            JobState::Complete | JobState::Failed | JobState::Deleting => Vec::new(),
            _ if job.suspended => vec![("Resume it", suspend(false))],
            state => {
                let again = ("Try its rejects again", of("annotate", &format!("{RETRY_REJECTS}=true")));
                let suspended = ("Suspend it", suspend(true));
                if state == JobState::Signing { vec![suspended, again] } else { vec![suspended] }
            }
        }
    }
}

/// Who has a token of the API server, which is asked as them: the operator needs no right for that, and can neither claim nor leave out anything.
struct TokenViewer {
    client: Client,
}

impl TokenViewer {
    async fn of(token: Option<&str>) -> Result<Self, Refused> {
        let token = token.filter(|token| !token.is_empty()).ok_or_else(|| {
            Refused::Unknown(
                "this page needs a token: `kubectl create token NAME -n NAMESPACE` makes one of a ServiceAccount"
                    .to_owned(),
            )
        })?;
        Ok(Self { client: api_client::of_token(token).await.map_err(unavailable)? })
    }

    /// Whether they may list the SigningJobs of a namespace, or of all.
    async fn may_list(&self, namespace: Option<&str>) -> Result<bool, Refused> {
        let attributes = ResourceAttributes {
            group: Some("vaultstream.dev".to_owned()),
            resource: Some("signingjobs".to_owned()),
            verb: Some("list".to_owned()),
            namespace: namespace.map(str::to_owned),
            ..ResourceAttributes::default()
        };
        let spec = SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        };
        let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
        match Api::all(self.client.clone()).create(&PostParams::default(), &review).await {
            Ok(SelfSubjectAccessReview { status, .. }) => Ok(status.is_some_and(|status| status.allowed)),
            Err(kube::Error::Api(status)) if status.code == 401 => {
                Err(Refused::Unknown("the API server does not know this token, or not any more".to_owned()))
            }
            Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// The Events of a SigningJob, if they may list Events.
    async fn list_events(&self, namespace: &str, uid: Uuid) -> Option<Vec<vaultstream_page::Event>> {
        let events = Api::<Event>::namespaced(self.client.clone(), namespace);
        let of_job = ListParams::default().fields(&format!("regarding.uid={uid}")).limit(500);
        let mut events: Vec<_> = events.list(&of_job).await.ok()?.items.into_iter().map(event).collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.at));
        events.truncate(MOST_EVENTS);
        Some(events)
    }
}

fn unavailable(error: kube::Error) -> Refused {
    Refused::Unavailable(format!("the API server cannot be asked: {}", vaultstream_program::chain(&error)))
}

impl Viewer for TokenViewer {
    fn may_see<'a>(&'a self, namespace: Option<&'a str>) -> BoxFuture<'a, Result<bool, Refused>> {
        self.may_list(namespace).boxed()
    }

    fn events<'a>(&'a self, namespace: &'a str, uid: Uuid) -> BoxFuture<'a, Option<Vec<vaultstream_page::Event>>> {
        self.list_events(namespace, uid).boxed()
    }
}
