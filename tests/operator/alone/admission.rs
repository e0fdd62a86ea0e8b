//! What the chart's admission policies refuse the operator's account, and that they let pass what the operator really writes.

mod children;
mod extensions;

use std::fmt::Debug;
use std::path::Path;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::process::Command;
use vaultstream_api::{ConditionType, Reason};

use crate::harness::{
    Job, MetricsApi, Place, apply_cluster, assert_complete_in, connect, free_port, generated, kubectl,
    kubectl_with_input, object, on_another_runtime, program, until,
};

use children::{Change, add, container, pod, refusal};
use extensions::{FOR_WORKERS, assert_extensions_pass};

/// KEDA's type, without its schema and without KEDA.
const SCALED_OBJECTS: &str = "scaledobjects.keda.sh";
const POLICIES: [&str; 2] = ["vaultstream-operator-children", "vaultstream-operator-workers"];

/// The policies of a release in the operator's namespace, until this is dropped.
struct Policies;

impl Policies {
    async fn apply(place: &Place) -> Self {
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/vaultstream");
        let args = [
            "--show-only",
            "templates/admission.yaml",
            "--set",
            "connection.existingSecret=x,keyService.tokenAudience=vault,keyService.kmsDirectory=/run/kms",
            "--set-json",
            FOR_WORKERS,
        ];
        let rendered = Command::new(program("helm"))
            .args(["template", "vaultstream", chart.to_str().unwrap(), "--namespace", &place.operator_namespace])
            .args(args)
            .output()
            .await
            .unwrap();
        let manifests = String::from_utf8(rendered.stdout).unwrap();
        let (content, said) = kubectl_with_input(&["apply", "--server-side", "-f", "-"], &manifests).await;
        assert!(content, "{said}\n{}", String::from_utf8_lossy(&rendered.stderr));
        Self
    }

    /// The API server has checked every expression against the types it is for.
    async fn until_checked(&self, place: &Place) {
        let policies = Api::<ValidatingAdmissionPolicy>::all(place.client.clone());
        for name in POLICIES {
            until(&format!("{name} is checked"), || async {
                policies.get(name).await.unwrap().status.is_some_and(|status| status.type_checking.is_some())
            })
            .await;
            let checked = policies.get(name).await.unwrap().status.unwrap().type_checking.unwrap();
            assert_eq!(checked.expression_warnings, None);
        }
    }
}

impl Drop for Policies {
    fn drop(&mut self) {
        on_another_runtime(async {
            let client = connect().await;
            let gone = DeleteParams::default();
            let types = Api::<CustomResourceDefinition>::all(client.clone());
            let _ = types.delete(SCALED_OBJECTS, &gone).await;
            for name in POLICIES {
                let _ = Api::<ValidatingAdmissionPolicyBinding>::all(client.clone()).delete(name, &gone).await;
                let _ = Api::<ValidatingAdmissionPolicy>::all(client.clone()).delete(name, &gone).await;
            }
        });
    }
}

/// With the token of the operator's ServiceAccount.
async fn as_operator(place: &Place) -> Client {
    let kubeconfig = Kubeconfig::read_from(&place.kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// A child as the operator wrote it, without what the API server added.
async fn written<K>(place: &Place, job: &Job) -> Value
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Serialize + DeserializeOwned + Clone + Debug,
{
    let api = Api::<K>::namespaced(place.client.clone(), &job.namespace);
    let mut child = serde_json::to_value(api.get(&job.child()).await.unwrap()).unwrap();
    let metadata = child["metadata"].as_object_mut().unwrap();
    metadata.retain(|field, _| ["name", "labels", "ownerReferences"].contains(&field.as_str()));
    child.as_object_mut().unwrap().remove("status");
    child
}

/// A volume with a token of the pod's ServiceAccount.
fn token(of: Value) -> Value {
    json!({"name": "x", "projected": {"sources": [{"serviceAccountToken": of}]}})
}

/// Mounts a folder of the node.
fn mount_of_node(deployment: &mut Value, path: &str, mount: Value) {
    add(&mut pod(deployment)["volumes"], json!({"name": "kms-plugin", "hostPath": {"path": path}}));
    add(&mut container(deployment)["volumeMounts"], mount);
}

fn remove(map: &mut Value, key: &str) {
    map.as_object_mut().unwrap().remove(key).unwrap();
}

/// Changes of any child, and what the refusal says.
static OF_A_CHILD: [(Change, &str); 6] = [
    (|it| remove(&mut it["metadata"], "ownerReferences"), "one owner, a SigningJob"),
    (|it| it["metadata"]["ownerReferences"][0]["kind"] = json!("Secret"), "one owner, a SigningJob"),
    (|it| it["metadata"]["ownerReferences"][0]["controller"] = json!(false), "one owner, a SigningJob"),
    (|it| it["metadata"]["name"] = json!("web"), "the name and the labels of its SigningJob"),
    (|it| it["metadata"]["labels"]["app.kubernetes.io/name"] = json!("web"), "the name and the labels"),
    (|it| remove(&mut it["metadata"]["labels"], "vaultstream.dev/job-uid"), "the name and the labels"),
];

static OF_A_DEPLOYMENT: [(Change, &str); 36] = [
    (|it| remove(&mut it["spec"]["selector"]["matchLabels"], "app.kubernetes.io/name"), "must select workers"),
    (|it| add(&mut pod(it)["containers"], json!({"name": "x", "image": "vaultstream-worker:1"})), "one container"),
    (|it| pod(it)["initContainers"] = json!([{"name": "x", "image": "vaultstream-worker:1"}]), "one container"),
    (|it| container(it)["command"] = json!(["sh"]), "one container"),
    (|it| container(it)["args"] = json!(["-c"]), "one container"),
    (|it| container(it)["lifecycle"] = json!({"preStop": {"exec": {"command": ["sh"]}}}), "one container"),
    (|it| container(it)["startupProbe"] = json!({"exec": {"command": ["sh"]}}), "one container"),
    (|it| container(it)["image"] = json!("busybox:1"), "must begin with vaultstream-worker:"),
    (|it| container(it)["image"] = json!("vaultstream-worker-of-another:1"), "must begin with vaultstream-worker:"),
    (|it| container(it)["image"] = json!("elsewhere/vaultstream-worker:1"), "must begin with vaultstream-worker:"),
    (|it| pod(it)["serviceAccountName"] = json!("admin"), "no account"),
    (|it| pod(it)["automountServiceAccountToken"] = json!(true), "no account"),
    (|it| remove(pod(it), "automountServiceAccountToken"), "no account"),
    (|it| pod(it)["hostNetwork"] = json!(true), "no part of its node"),
    (|it| pod(it)["hostPID"] = json!(true), "no part of its node"),
    (|it| pod(it)["hostIPC"] = json!(true), "no part of its node"),
    (|it| pod(it)["nodeName"] = json!("control-plane"), "no part of its node"),
    (|it| container(it)["ports"][0]["hostPort"] = json!(9090), "no part of its node"),
    (|it| add(&mut pod(it)["volumes"], json!({"name": "x", "secret": {"secretName": "x"}})), "no volume but"),
    (|it| pod(it)["volumes"] = json!([{"name": "connection", "hostPath": {"path": "/"}}]), "no volume but"),
    (|it| pod(it)["volumes"] = json!([{"name": "connection", "configMap": {"name": "x"}}]), "no volume but"),
    (
        |it| {
            pod(it)["volumes"] = json!([{"name": "connection", "projected": {"sources": [{"secret": {"name": "x"}}]}}])
        },
        "no volume but",
    ),
    (|it| add(&mut pod(it)["volumes"], token(json!({"path": "token"}))), "no volume but"),
    (|it| add(&mut pod(it)["volumes"], token(json!({"path": "token", "audience": "other"}))), "no volume but"),
    (
        |it| mount_of_node(it, "/run", json!({"name": "kms-plugin", "mountPath": "/x", "readOnly": true})),
        "no volume but",
    ),
    (|it| mount_of_node(it, "/run/kms", json!({"name": "kms-plugin", "mountPath": "/x"})), "no volume but"),
    (
        |it| mount_of_node(it, "/run/kms", json!({"name": "kms-plugin", "mountPath": "/x", "readOnly": false})),
        "no volume but",
    ),
    (
        |it| {
            let from = json!({"name": "X", "valueFrom": {"secretKeyRef": {"name": "x", "key": "x"}}});
            add(&mut container(it)["env"], from);
        },
        "variables have values",
    ),
    (|it| container(it)["envFrom"] = json!([{"secretRef": {"name": "x"}}]), "variables have values"),
    (|it| add(&mut container(it)["env"], json!({"name": "LD_PRELOAD", "value": "x"})), "variables have values"),
    (|it| add(&mut container(it)["env"], json!({"name": "DATABASE_URL", "value": "x"})), "variables have values"),
    (
        |it| container(it)["securityContext"] = json!({"privileged": true, "allowPrivilegeEscalation": true}),
        "runs unprivileged",
    ),
    (|it| remove(&mut container(it)["securityContext"], "allowPrivilegeEscalation"), "runs unprivileged"),
    (|it| container(it)["securityContext"]["capabilities"]["add"] = json!(["NET_ADMIN"]), "runs unprivileged"),
    (|it| pod(it)["securityContext"]["seccompProfile"]["type"] = json!("Unconfined"), "runs unprivileged"),
    (|it| remove(pod(it), "securityContext"), "runs unprivileged"),
];

static OF_A_BUDGET: [(Change, &str); 2] = [
    (|it| it["spec"]["selector"] = json!({"matchLabels": {"app": "web"}}), "disruption budget"),
    (|it| it["spec"]["selector"] = json!({}), "disruption budget"),
];

static OF_AN_AUTOSCALER: [(Change, &str); 2] = [
    (|it| it["spec"]["scaleTargetRef"]["name"] = json!("web"), "scale the Deployment of its SigningJob"),
    (|it| it["spec"]["scaleTargetRef"]["kind"] = json!("StatefulSet"), "scale the Deployment of its SigningJob"),
];

static OF_A_SCALED_OBJECT: [(Change, &str); 4] = [
    (|it| it["spec"]["scaleTargetRef"]["name"] = json!("web"), "scale the Deployment of its SigningJob"),
    (|it| it["spec"]["triggers"][0]["type"] = json!("cron"), "ask the operator only"),
    (|it| it["spec"]["triggers"][0]["metadata"]["url"] = json!("http://10.0.0.1/"), "ask the operator only"),
    (|it| it["spec"]["triggers"][0]["authenticationRef"] = json!({"name": "x"}), "ask the operator only"),
];

/// A ScaledObject as the operator writes it: it is checked in, and held to the code by a test of its own.
async fn scaled_object(place: &Place) -> Value {
    let crd: CustomResourceDefinition = object(json!({
        "metadata": {"name": SCALED_OBJECTS},
        "spec": {
            "group": "keda.sh", "scope": "Namespaced",
            "names": {"plural": "scaledobjects", "singular": "scaledobject", "kind": "ScaledObject"},
            "versions": [{"name": "v1alpha1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true,
            }}}],
        },
    }));
    apply_cluster(&place.client, &crd).await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../operator/src/job/snapshots/minimal-scaled-object.yaml");
    let text = std::fs::read_to_string(path).unwrap().replace("vaultstream-system", &place.operator_namespace);
    let mut checked_in: Value = serde_yaml_ng::from_str(&text).unwrap();
    checked_in["metadata"]["namespace"] = json!(place.operator_namespace);
    until("ScaledObjects are served", || async { kubectl(&["get", "scaledobjects", "--all-namespaces"]).await.0 })
        .await;
    checked_in
}

/// The same as `assert_refused`, of ScaledObjects.
async fn assert_scaled_objects_refused(place: &Place, written: &Value) {
    let account = format!("--as=system:serviceaccount:{}:vaultstream-operator", place.operator_namespace);
    let create = async |it: &Value| {
        kubectl_with_input(&["create", "--dry-run=server", "-f", "-", &account], &it.to_string()).await
    };
    let (content, said) = create(written).await;
    assert!(content, "what the operator writes is refused: {said}");
    for (change, message) in OF_A_CHILD.iter().chain(&OF_A_SCALED_OBJECT) {
        let mut changed = written.clone();
        change(&mut changed);
        let (content, said) = create(&changed).await;
        assert!(!content && said.contains(message), "{message}: {said}");
    }
}

/// Asserts that each change is refused with its message once the policies are there, and by nothing else before.
async fn assert_refused<K>(
    operator: &Client,
    place: &Place,
    written: &Value,
    changes: impl Iterator<Item = &'static (Change, &'static str)>,
    confined: bool,
) where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Serialize + DeserializeOwned + Clone + Debug,
{
    assert_eq!(refusal::<K>(operator, place, written).await, None, "what the operator writes is refused");
    for (number, (change, message)) in changes.enumerate() {
        let mut changed = written.clone();
        change(&mut changed);
        let refusal = refusal::<K>(operator, place, &changed).await;
        if confined {
            let refusal = refusal.unwrap_or_else(|| panic!("change {number} ({message}) is accepted: {changed}"));
            assert!(refusal.contains(message), "change {number} ({message}): {refusal}");
        } else {
            assert_eq!(refusal, None, "change {number} ({message}) is refused without a policy");
        }
    }
}

/// Every field of a template that the policies have to let pass.
const SPEC: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 5s}}\n\
    autoscaling: {mode: HPA, targetBacklog: 100}\n\
    workers: {maxReplicas: 2, maxRecordsPerSecond: 50, template: {\
        labels: {team: a}, annotations: {example.com/a: b}, nodeSelector: {kubernetes.io/os: linux}, \
        tolerations: [{key: dedicated, operator: Exists}], imagePullSecrets: [{name: registry}], \
        env: [{name: RUST_BACKTRACE, value: '1'}], resources: {requests: {cpu: 10m}, limits: {memory: 256Mi}}}}";

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_writes_workers_and_what_belongs_to_them_and_nothing_else() {
    let place = Place::cluster_wide().await;
    let (address, listener) = free_port().await;
    drop(listener);
    let operator = place.operator("operator").await.args(&["--metrics-api-address", &address.to_string()]).start();
    operator.until_leading().await;
    let api = MetricsApi::register(&place, address).await;
    api.until_available().await;
    until("the operator has noticed its metrics API", || operator.offers("HPA")).await;

    let client = as_operator(&place).await;
    let before = place.create(&generated("before", 100_000, SPEC)).await;
    before.until_condition(ConditionType::Scaling, "True", Reason::ScaledByHpa).await;
    let deployment = written::<Deployment>(&place, &before).await;
    let budget = written::<PodDisruptionBudget>(&place, &before).await;
    let autoscaler = written::<HorizontalPodAutoscaler>(&place, &before).await;
    let assert_all = async |confined| {
        let changes = OF_A_CHILD.iter().chain(&OF_A_DEPLOYMENT);
        assert_refused::<Deployment>(&client, &place, &deployment, changes, confined).await;
        let changes = OF_A_CHILD.iter().chain(&OF_A_BUDGET);
        assert_refused::<PodDisruptionBudget>(&client, &place, &budget, changes, confined).await;
        let changes = OF_A_CHILD.iter().chain(&OF_AN_AUTOSCALER);
        assert_refused::<HorizontalPodAutoscaler>(&client, &place, &autoscaler, changes, confined).await;
    };
    assert_all(false).await;

    let scaled_object = scaled_object(&place).await;
    let policies = Policies::apply(&place).await;
    policies.until_checked(&place).await;
    let mut image = deployment.clone();
    container(&mut image)["image"] = json!("busybox:1");
    let mut owner = budget.clone();
    remove(&mut owner["metadata"], "ownerReferences");
    until("the policies are enforced", || async {
        refusal::<Deployment>(&client, &place, &image).await.is_some()
            && refusal::<PodDisruptionBudget>(&client, &place, &owner).await.is_some()
    })
    .await;
    assert_all(true).await;
    assert_key_services_pass(&client, &place, &deployment).await;
    assert_extensions_pass(&client, &place, &deployment).await;
    assert_scaled_objects_refused(&place, &scaled_object).await;
    assert_updates_are_refused(&client, &place, &before).await;
    let as_another = Api::<Deployment>::namespaced(place.client.clone(), &place.operator_namespace);
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    as_another.create(&dry, &object(image)).await.expect("the policies are for the operator alone");
    before.delete().await;

    // All that the operator writes passes.
    let after = place.create(&generated("after", 500, SPEC)).await;
    after.until_condition(ConditionType::Scaling, "True", Reason::ScaledByHpa).await;
    after.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "after", 500, 0).await;
    let log = operator.stderr();
    assert!(!log.contains("ValidatingAdmissionPolicy"), "{log}");
}

/// What the values under `keyService` let workers have.
async fn assert_key_services_pass(operator: &Client, place: &Place, written: &Value) {
    let mut both = written.clone();
    add(&mut pod(&mut both)["volumes"], token(json!({"path": "token", "audience": "vault"})));
    mount_of_node(&mut both, "/run/kms", json!({"name": "kms-plugin", "mountPath": "/run/kms", "readOnly": true}));
    assert_eq!(refusal::<Deployment>(operator, place, &both).await, None);
}

/// Neither its own Deployment nor that of another program becomes what it could not create.
async fn assert_updates_are_refused(operator: &Client, place: &Place, job: &Job) {
    let web = ["create", "deployment", "web", "--image", "registry.example.com/web:1", "--replicas", "0"];
    let (content, said) = kubectl(&[&["-n", &place.namespace][..], &web].concat()).await;
    assert!(content, "{said}");
    let deployments = Api::<Deployment>::namespaced(operator.clone(), &place.namespace);
    let image = |container: &str| {
        let containers = [json!({"name": container, "image": "busybox:1"})];
        json!({"spec": {"template": {"spec": {"containers": containers}}}})
    };
    let owner = json!({"apiVersion": "vaultstream.dev/v1alpha1", "kind": "SigningJob", "name": job.name, "uid": job.uid, "controller": true});
    let owned = json!({"metadata": {"ownerReferences": [owner]}});
    let child = job.child();
    for (name, patch) in [(child.as_str(), image("worker")), ("web", image("web")), ("web", owned)] {
        let refusal = deployments.patch(name, &PatchParams::default(), &Patch::Strategic(patch)).await.unwrap_err();
        assert!(refusal.to_string().contains("ValidatingAdmissionPolicy"), "{name}: {refusal}");
    }
}
