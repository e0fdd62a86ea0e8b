//! The place of a test: a namespace, a ledger and streams that its pods reach through relays, and the operator's rights.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::TryStreamExt;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use vaultstream_operator::permissions::{self, Permissions};

use super::cluster::{self, OwnNamespace, kubectl};
use super::job::Job;
use super::servers::Servers;
use super::site::until;

/// Held shared by tests that may run at the same time as others.
static CLUSTER: std::sync::LazyLock<Arc<RwLock<()>>> = std::sync::LazyLock::new(Arc::default);

#[allow(dead_code, reason = "held until the test ends")]
enum Claim {
    Shared(OwnedRwLockReadGuard<()>),
    Alone(OwnedRwLockWriteGuard<()>),
}

impl Claim {
    async fn shared() -> Self {
        Self::Shared(Arc::clone(&CLUSTER).read_owned().await)
    }

    async fn alone() -> Self {
        Self::Alone(Arc::clone(&CLUSTER).write_owned().await)
    }
}

/// The namespaces that the operators of a place serve, and where the operators are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// One namespace, in which they are themselves.
    Together,
    /// One namespace, from another one.
    Apart,
    /// All namespaces.
    ClusterWide,
}

pub(crate) struct Place {
    pub(crate) client: Client,
    /// Where the jobs are.
    pub(crate) namespace: String,
    /// Where the operator is.
    pub(crate) operator_namespace: String,
    pub(crate) servers: Servers,
    /// A kubeconfig with the operator's identity.
    pub(crate) kubeconfig: PathBuf,
    layout: Layout,
    _namespaces: Vec<OwnNamespace>,
    // Last, so that all is gone when the next test begins.
    _claim: Claim,
}

impl Place {
    /// Creates the SigningJob of a manifest.
    pub(crate) async fn create(&self, manifest: &str) -> Job {
        self.create_in(&self.namespace, manifest).await
    }

    pub(crate) async fn create_in(&self, namespace: &str, manifest: &str) -> Job {
        Job::create(&self.client, namespace, manifest).await
    }

    /// For operators that are limited to one namespace, and live in it.
    pub(crate) async fn new() -> Self {
        Self::with(Claim::shared().await, Layout::Together).await
    }

    /// The same, with an operator in a namespace of its own.
    pub(crate) async fn apart() -> Self {
        Self::with(Claim::shared().await, Layout::Apart).await
    }

    /// No other test runs meanwhile: for what is timed or counted.
    pub(crate) async fn quiet() -> Self {
        Self::with(Claim::alone().await, Layout::Together).await
    }

    /// For operators of the whole cluster, which would take the jobs of all other tests.
    pub(crate) async fn cluster_wide() -> Self {
        Self::with(Claim::alone().await, Layout::ClusterWide).await
    }

    async fn with(claim: Claim, layout: Layout) -> Self {
        let servers = Servers::new().await;
        let client = cluster::admin().await;
        let mut namespaces = vec![OwnNamespace::new(&client).await];
        if layout != Layout::Together {
            namespaces.push(OwnNamespace::new(&client).await);
        }
        let namespace = namespaces[0].name.clone();
        let operator_namespace = namespaces[namespaces.len() - 1].name.clone();
        let rights = match layout {
            Layout::ClusterWide => permissions::cluster_wide(&operator_namespace),
            _ => permissions::namespaced(&operator_namespace, std::slice::from_ref(&namespace)),
        };
        grant(&client, &rights).await;
        if layout == Layout::ClusterWide {
            make_certificate_secret(&client, &operator_namespace).await;
        }
        let kubeconfig = servers.site.dir.path().join("operator.conf");
        write_kubeconfig(&client, &operator_namespace, &kubeconfig).await;
        let place = Self {
            client,
            namespace,
            operator_namespace,
            servers,
            kubeconfig,
            layout,
            _namespaces: namespaces,
            _claim: claim,
        };
        place.make_connection_secret(&place.namespace).await;
        place
    }

    /// Moves the servers to other addresses, and updates all connections.
    pub(crate) async fn move_servers(&mut self) {
        self.servers.change_addresses().await;
        self.make_connection_secret(&self.namespace).await;
    }

    pub(crate) fn is_cluster_wide(&self) -> bool {
        self.layout == Layout::ClusterWide
    }

    /// Lets pods of the namespace mount folders of the node.
    #[allow(dead_code, reason = "shared with the other suites, whose workers need nothing of the node")]
    pub(crate) async fn allow_folders_of_the_node(&self) {
        let namespaces = Api::<Namespace>::all(self.client.clone());
        let level = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}});
        namespaces.patch(&self.namespace, &PatchParams::default(), &Patch::Merge(level)).await.unwrap();
    }

    /// The children of all jobs of the namespace.
    pub(crate) async fn children(&self) -> Vec<String> {
        let kinds = "deployments,replicasets,pods,poddisruptionbudgets,horizontalpodautoscalers";
        let (content, said) = kubectl(&["-n", &self.namespace, "get", kinds, "-o", "name"]).await;
        assert!(content, "{said}");
        said.lines().filter(|line| line.contains('/')).map(str::to_owned).collect()
    }

    pub(crate) async fn until_no_children(&self) {
        until("no child is left", || async { self.children().await.is_empty() }).await;
    }

    /// The job's streams.
    pub(crate) async fn streams_of(&self, job: &Job) -> Vec<String> {
        let names: Vec<String> = self.site.jetstream().await.stream_names().try_collect().await.unwrap();
        names.into_iter().filter(|name| name.contains(&job.uid.to_string())).collect()
    }

    /// The workers' connection, as a user makes it.
    pub(crate) async fn make_connection_secret(&self, namespace: &str) {
        self.servers.make_connection_secret(&self.client, namespace, "vaultstream-connection").await;
    }
}

impl Deref for Place {
    type Target = Servers;

    fn deref(&self) -> &Servers {
        &self.servers
    }
}

impl Place {
    /// Changes it as a user does.
    pub(crate) async fn change_connection_secret(&self, patch: Value) {
        let secrets = Api::<Secret>::namespaced(self.client.clone(), &self.namespace);
        secrets.patch("vaultstream-connection", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    /// Gives the workers another login for tables, which may read none yet. Returns its role.
    #[allow(dead_code, reason = "shared with the other suites, which sign no table")]
    pub(crate) async fn read_tables_as_another(&self) -> String {
        // Roles belong to the server, which other tests use, too.
        let role = format!("reader_{:x}", uuid::Uuid::new_v4().as_u128());
        self.site.execute(&format!("CREATE ROLE {role} LOGIN")).await;
        let url = std::fs::read_to_string(self.connection_dir().join("DATABASE_URL")).unwrap();
        let url = url.replace("vaultstream@", &format!("{role}@"));
        self.change_connection_secret(json!({"stringData": {"SOURCE_DATABASE_URL": url}})).await;
        role
    }
}

async fn grant(client: &Client, rights: &Permissions) {
    cluster::apply(client, &rights.service_account).await;
    for role in &rights.cluster_roles {
        cluster::apply_cluster(client, role).await;
    }
    for binding in &rights.cluster_role_bindings {
        cluster::apply_cluster(client, binding).await;
    }
    for role in &rights.roles {
        cluster::apply(client, role).await;
    }
    for binding in &rights.role_bindings {
        cluster::apply(client, binding).await;
    }
}

/// As the chart makes it: empty, for the operator to fill.
async fn make_certificate_secret(client: &Client, namespace: &str) {
    let metadata = json!({"name": permissions::METRICS_SECRET, "namespace": namespace});
    cluster::apply(client, &cluster::object::<Secret>(json!({"metadata": metadata}))).await;
}

/// What the kubelet would mount into the operator's pod.
async fn write_kubeconfig(client: &Client, namespace: &str, path: &Path) {
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), namespace);
    let spec = TokenRequestSpec {
        audiences: Some(vec!["https://kubernetes.default.svc".to_owned()]),
        expiration_seconds: Some(7200),
        bound_object_ref: None,
    };
    let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
    let answer = accounts.create_token_request(permissions::OPERATOR, &Default::default(), &request).await.unwrap();
    let token = answer.status.unwrap().token;
    let admin = cluster::admin_kubeconfig();
    let cluster = admin.clusters.first().and_then(|named| named.cluster.clone()).unwrap();
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "operator", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "operator"}}],
    });
    std::fs::write(path, config.to_string()).unwrap();
}
