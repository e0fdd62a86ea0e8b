//! The cluster, and clients of its administrator. It is the project's own node, or the one that scripts/e2e was given.
//! KUBECONFIG is ignored.

use std::fmt::Debug;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::until;

/// The node's address, which its pods reach.
pub(crate) const NODE: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);

fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/cluster")
}

/// The folder of the node's certificates and kubeconfigs.
pub(crate) fn pki() -> PathBuf {
    let state = std::env::var_os("CLUSTER_STATE").map_or_else(|| tools().join("state"), PathBuf::from);
    state.join("pki")
}

/// Where scripts/e2e puts the way to a cluster that is not the project's own.
fn foreign_kubeconfig() -> Option<PathBuf> {
    std::env::var_os("VAULTSTREAM_E2E_KUBECONFIG").map(PathBuf::from)
}

/// Whether this is a node of the project's own, which may be drained and cut off.
pub(crate) fn is_own_node() -> bool {
    foreign_kubeconfig().is_none()
}

pub(crate) fn kubeconfig_file() -> PathBuf {
    foreign_kubeconfig().unwrap_or_else(|| pki().join("admin.conf"))
}

/// kubectl or helm: the pinned one on the project's own node, else the user's.
pub(crate) fn program(name: &str) -> PathBuf {
    if is_own_node() { tools().join("bin").join(name) } else { PathBuf::from(name) }
}

pub(crate) fn admin_kubeconfig() -> Kubeconfig {
    Kubeconfig::read_from(kubeconfig_file())
        .expect("no test cluster runs: scripts/test-cluster starts one and runs these tests there")
}

/// Each test has its own client: connections belong to a test's runtime.
pub(crate) async fn connect() -> Client {
    let config = Config::from_custom_kubeconfig(admin_kubeconfig(), &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// The same, with the SigningJob type installed.
pub(crate) async fn admin() -> Client {
    let client = connect().await;
    static CRD: OnceCell<()> = OnceCell::const_new();
    CRD.get_or_init(|| install_crd(&client)).await;
    client
}

/// The SigningJob type, as the project ships it.
pub(crate) async fn install_crd(client: &Client) {
    let crd = vaultstream_api::crd().unwrap();
    let name = crd.name_any();
    apply_cluster(client, &crd).await;
    let api = Api::<CustomResourceDefinition>::all(client.clone());
    until("the SigningJob type is served", || async {
        let crd = api.get(&name).await.unwrap();
        let conditions = crd.status.and_then(|status| status.conditions).unwrap_or_default();
        conditions.iter().any(|condition| condition.type_ == "Established" && condition.status == "True")
    })
    .await;
}

/// The SigningJob type as a careless release might have shipped it: it accepts any field.
pub(crate) async fn lax_crd(client: &Client) {
    let lax = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    other_crd(client, |schema| *schema = lax.clone()).await;
}

/// The SigningJob type of a release that did not know `spec.workers.maxRecordsPerSecond`.
pub(crate) async fn older_crd(client: &Client) {
    other_crd(client, |schema| {
        let workers = schema.pointer_mut("/properties/spec/properties/workers/properties").unwrap();
        workers.as_object_mut().unwrap().remove("maxRecordsPerSecond").unwrap();
    })
    .await;
}

async fn other_crd(client: &Client, change: impl Fn(&mut Value)) {
    let mut crd = serde_json::to_value(vaultstream_api::crd().unwrap()).unwrap();
    for version in crd["spec"]["versions"].as_array_mut().unwrap() {
        change(&mut version["schema"]["openAPIV3Schema"]);
    }
    apply_cluster(client, &object::<CustomResourceDefinition>(crd)).await;
    // The API server applies a new schema a moment later.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
}

/// An object as its manifest has it.
pub(crate) fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn as_tests() -> PatchParams {
    PatchParams::apply("vaultstream-tests").force()
}

/// Server-side apply of an object that is in no namespace.
pub(crate) async fn apply_cluster<K>(client: &Client, object: &K)
where
    K: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug,
{
    let api = Api::<K>::all(client.clone());
    api.patch(&object.name_any(), &as_tests(), &Patch::Apply(object)).await.unwrap();
}

/// Server-side apply of an object in its namespace.
pub(crate) async fn apply<K>(client: &Client, object: &K)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Serialize + DeserializeOwned + Clone + Debug,
{
    let api = Api::<K>::namespaced(client.clone(), &object.namespace().unwrap());
    api.patch(&object.name_any(), &as_tests(), &Patch::Apply(object)).await.unwrap();
}

/// A namespace that goes when this is dropped, with pod security as strict as it gets.
pub(crate) struct OwnNamespace {
    pub(crate) name: String,
}

impl OwnNamespace {
    pub(crate) async fn new(client: &Client) -> Self {
        let name = format!("t-{}", &Uuid::new_v4().simple().to_string()[..8]);
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(name.clone());
        namespace.labels_mut().insert("pod-security.kubernetes.io/enforce".to_owned(), "restricted".to_owned());
        apply_cluster(client, &namespace).await;
        Self { name }
    }
}

impl Drop for OwnNamespace {
    /// Its operators are gone by now, so its jobs' finalizers are removed here.
    fn drop(&mut self) {
        let name = self.name.clone();
        on_another_runtime(async move {
            let client = connect().await;
            let _ = Api::<Namespace>::all(client.clone()).delete(&name, &DeleteParams::background()).await;
            let resource = ApiResource::erase::<vaultstream_api::SigningJob>(&());
            let jobs = Api::<DynamicObject>::namespaced_with(client, &name, &resource);
            let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
            for job in jobs.list_metadata(&ListParams::default()).await.into_iter().flatten() {
                let _ = jobs.patch_metadata(&job.name_any(), &PatchParams::default(), &free).await;
            }
        });
    }
}

/// Runs `work` to its end, for a `Drop`: the test's own runtime may be ending.
pub(crate) fn on_another_runtime(work: impl Future<Output = ()> + Send + 'static) {
    let working = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work);
    });
    let _ = working.join();
}

/// The real kubectl, as the administrator. Returns whether it succeeded, and its output.
pub(crate) async fn kubectl(args: &[&str]) -> (bool, String) {
    kubectl_with_input(args, "").await
}

/// The same, with an input.
pub(crate) async fn kubectl_with_input(args: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new(program("kubectl"))
        .env("KUBECONFIG", kubeconfig_file())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A kubectl that does not read its input may end before it is written.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}
