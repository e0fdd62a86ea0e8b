//! What each extension point of the chart adds to its manifests, alone and with all others; earlier names of values; and manifests without helm.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use crate::release::{NAME, chart, helm};
use crate::values::{rendered, template};

/// Values, each with what they are for.
const POINTS: [(&str, &str); 26] = [
    ("a registry for all images", "global: {imageRegistry: mirror.example.com/x, imagePullSecrets: [{name: mirror}]}"),
    ("OpenShift", "global: {compatibility: {openshift: {adaptSecurityContext: force}}}"),
    ("another name", "nameOverride: signing"),
    ("other names of objects alone", "fullnameOverride: signing"),
    ("replicas", "replicaCount: 3"),
    (
        "digests",
        "image: {digest: 'sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}\n\
         workers: {image: {digest: 'sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'}}\n\
         test: {image: {digest: 'sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc'}}",
    ),
    ("images by their parts", "image: {registry: r.example.com, repository: a/b, tag: '7', pullPolicy: Always}"),
    ("credentials of a registry", "imagePullSecrets: [{name: team}, another]"),
    (
        "an account with annotations",
        "serviceAccount: {annotations: {eks.amazonaws.com/role-arn: 'arn:aws:iam::1:role/x'}, labels: {a: b}}",
    ),
    ("an account that is there", "serviceAccount: {create: false, name: signer}"),
    (
        "another uid",
        "podSecurityContext: {runAsUser: 1000660000, runAsGroup: null, seLinuxOptions: {level: 's0:c26,c0'}}\n\
         securityContext: {privileged: false}",
    ),
    (
        "places",
        "topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]\n\
         nodeSelector: {pool: infra}\ntolerations: [{key: infra, operator: Exists}]\npriorityClassName: high",
    ),
    (
        "arguments and variables",
        "extraArgs: [--reconciles=16]\nextraEnv: [{name: HTTPS_PROXY, value: p}, {name: VAULTSTREAM_LOG, value: debug}]",
    ),
    (
        "volumes",
        "extraVolumes: [{name: ca, configMap: {name: ca}}]\nextraVolumeMounts: [{name: ca, mountPath: /etc/ca, readOnly: true}]",
    ),
    ("a disruption budget", "podDisruptionBudget: {minAvailable: 50%, unhealthyPodEvictionPolicy: IfHealthyBudget}"),
    ("no disruption budget", "podDisruptionBudget: {enabled: false}"),
    (
        "an account of workers",
        "workers: {serviceAccount: {create: true, annotations: {iam.gke.io/gcp-service-account: a@b}, namespaces: [team-a]}}",
    ),
    (
        "variables and volumes of workers",
        "workers:\n  extraEnv: [{name: SSL_CERT_FILE, value: /etc/ca/ca.crt}, {name: P, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n  \
         extraVolumes: [{name: ca, secret: {secretName: ca}}, {name: csi, csi: {driver: d, volumeAttributes: {x: y}}}]\n  \
         extraVolumeMounts: [{name: ca, mountPath: /etc/ca}]",
    ),
    (
        "defaults of workers",
        "workers: {podSecurityContext: {runAsUser: null}, defaults: {labels: {a: b}, resources: {limits: {memory: 1Gi}}}}",
    ),
    (
        "more objects",
        "extraObjects:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: '{{ .Release.Name }}-map'}}\n\
         - |\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: text}",
    ),
    ("an APIService of the chart", "metricsApi: {register: always}"),
    ("no APIService", "metricsApi: {register: never}"),
    ("a certificate by cert-manager", "metricsApi: {certManager: {enabled: true}}"),
    (
        "a certificate by an issuer",
        "metricsApi: {certManager: {enabled: true, issuerRef: {name: company, kind: ClusterIssuer}, duration: 240h}}",
    ),
    (
        "monitors elsewhere",
        "monitoring:\n  serviceMonitor: {enabled: true, namespace: m, annotations: {a: b}, scrapeTimeout: 10s, relabelings: [{action: drop}]}\n  \
         podMonitor: {enabled: true, namespace: m, relabelings: [{action: keep}], metricRelabelings: [{action: drop}]}\n  \
         rules: {enabled: true, runbookUrl: 'https://git.example.com/operations.md', leasesLost: 9,\n    \
         disabled: [VaultStreamJobsQueued], overrides: {VaultStreamLag: {for: 15m, severity: critical}}, extraGroups: [{name: own, rules: []}]}",
    ),
    (
        "more rules of the network",
        "networkPolicy:\n  operator: {extraIngress: [{ports: [{port: 1}]}], egress: [{ports: [{port: 443}]}]}\n  \
         workers: {extraIngress: [{ports: [{port: 2}]}], extraEgress: [{ports: [{port: 3}]}]}",
    ),
];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/golden").join(name)
}

/// Manifests of a release with servers of its owner's and with these values.
async fn with_values(values: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), values).unwrap();
    let base = ["--set", "connection.existingSecret=servers", "--set", "crds.install=false"];
    let (content, said) = template(&[&base[..], &["--values", file.path().to_str().unwrap()]].concat()).await;
    assert!(content, "{values}: {said}");
    said
}

/// The lines that differ, with one around them and without their numbers.
async fn difference(before: &str, after: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let files = ["before", "after"].map(|name| folder.path().join(name));
    std::fs::write(&files[0], before).unwrap();
    std::fs::write(&files[1], after).unwrap();
    let output = Command::new("diff").arg("--unified=1").args(&files).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().skip(2).map(|line| if line.starts_with("@@") { "@@" } else { line });
    lines.map(|line| format!("{line}\n")).collect()
}

/// Each point changes something, and what it changes is kept. `UPDATE_GOLDEN=1` writes it.
#[tokio::test]
async fn each_extension_point_adds_what_is_kept() {
    let base = with_values("{}").await;
    let mut all = String::new();
    for (what, values) in POINTS {
        let difference = difference(&base, &with_values(values).await).await;
        assert!(difference.lines().count() > 1, "{what}: {values} changes nothing");
        all += &format!("#### {what}\n{values}\n----\n{difference}");
    }
    let file = golden("extensions.diff");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &all).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    let first = kept.lines().zip(all.lines()).find(|(kept, all)| kept != all);
    assert!(kept == all, "the first line that differs: {first:?}; UPDATE_GOLDEN=1 keeps what is rendered now");
}

/// Each earlier name, with a value.
const ALIASES: [(&str, &str); 15] = [
    ("images.registry=r.example.com", "image.registry=r.example.com"),
    ("images.operator=a", "image.repository=a"),
    ("images.worker=a", "workers.image.repository=a"),
    ("images.cli=a", "test.image.repository=a"),
    ("images.tag=t7", "image.tag=t7"),
    ("images.pullPolicy=Always", "image.pullPolicy=Always"),
    ("images.pullSecrets={a,b}", "imagePullSecrets={a,b}"),
    ("operator.replicas=3", "replicaCount=3"),
    ("operator.resources.limits.memory=1Gi", "resources.limits.memory=1Gi"),
    ("operator.podLabels.a=b", "podLabels.a=b"),
    ("operator.podAnnotations.a=b", "podAnnotations.a=b"),
    ("operator.nodeSelector.a=b", "nodeSelector.a=b"),
    ("operator.tolerations[0].key=a", "tolerations[0].key=a"),
    ("operator.affinity.nodeAffinity.x=y", "affinity.nodeAffinity.x=y"),
    ("operator.priorityClassName=a", "priorityClassName=a"),
];

#[tokio::test]
async fn earlier_names_of_values_do_what_the_present_ones_do_and_the_notes_say_so() {
    let base = ["--set", "connection.existingSecret=x", "--set"];
    for (old, new) in ALIASES {
        let manifests = template(&[&base[..], &[old]].concat()).await;
        assert!(manifests.0, "{old}: {}", manifests.1);
        assert_eq!(manifests, template(&[&base[..], &[new]].concat()).await, "{old} is not {new}");
        assert_ne!(manifests, template(&base[..2]).await, "{old} changes nothing");
    }
    let chart = chart();
    let install = ["install", NAME, chart.to_str().unwrap(), "--dry-run=client", "--set", "dev.enabled=true"];
    let (content, said) = helm(&[&install[..], &["--set", "operator.replicas=3"]].concat()).await;
    assert!(content && said.contains("operator.replicas is an alias of replicaCount"), "{said}");
    let (content, said) = helm(&install).await;
    assert!(content && !said.contains("alias"), "{said}");
}

#[tokio::test]
async fn two_values_for_one_thing_are_refused_and_the_same_one_twice_is_not() {
    let twice = async |a: &str, b: &str| template(&["--set", "dev.enabled=true", "--set", a, "--set", b]).await;
    let (content, said) = twice("operator.replicas=4", "replicaCount=3").await;
    assert!(!content && said.contains("replicaCount and its alias operator.replicas have different values"), "{said}");
    let (content, said) = twice("operator.replicas=3", "replicaCount=3").await;
    assert!(content, "{said}");
}

/// `helm upgrade --reuse-values`, as docs/operations.md has it: the values of the earlier chart stand for those of this one.
#[tokio::test]
async fn with_the_values_of_an_earlier_chart_the_manifests_are_those_of_a_new_release() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("vaultstream");
    let copied = Command::new("cp").arg("-r").arg(chart()).arg(&copy).status().await.unwrap();
    assert!(copied.success());
    std::fs::copy(golden("earlier-values.yaml"), copy.join("values.yaml")).unwrap();
    for values in ["dev.enabled=true", "connection.existingSecret=x"] {
        let args = ["template", NAME, copy.to_str().unwrap(), "--namespace", "vaultstream-system", "--set", values];
        let reused = helm(&args).await;
        assert!(reused.0, "{}", reused.1);
        assert_eq!(reused, template(&["--set", values]).await, "{values}");
    }
}

#[tokio::test]
async fn a_release_that_is_only_rendered_takes_no_apiservice_unless_it_is_told_to() {
    let registered = async |how: &str| {
        let how = format!("metricsApi.register={how}");
        let (content, said) = template(&["--set", "dev.enabled=true", "--set", &how]).await;
        assert!(content, "{said}");
        rendered(&said, "APIService").len()
    };
    assert_eq!((registered("auto").await, registered("never").await, registered("always").await), (0, 0, 1));
}

/// A cluster that says it is OpenShift gives its own uids, also to workers.
#[tokio::test]
async fn on_openshift_no_pod_has_a_fixed_uid() {
    let args = ["--set", "dev.enabled=true", "--api-versions", "security.openshift.io/v1"];
    let (content, said) = template(&args).await;
    assert!(content, "{said}");
    assert!(!said.contains("65532"), "a pod has a uid of its own");
    let (_, elsewhere) = template(&args[..2]).await;
    assert!(elsewhere.contains("65532"), "a cluster that gives no uids would run images as they say");
    let pods = rendered(&said, "Deployment");
    let security = |pod: &Value| pod["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"].clone();
    assert!(pods.iter().all(|pod| security(pod) == true));
}

#[tokio::test]
async fn the_manifests_for_clusters_without_helm_are_those_of_the_chart() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(root.join("scripts/plain-manifests")).arg(folder.path()).status().await.unwrap();
    assert!(made.success());
    for name in ["install.yaml", "leave.yaml", "kustomization.yaml"] {
        let [kept, made] = [root.join("deploy"), folder.path().to_owned()].map(|folder| folder.join(name));
        let [kept, made] = [kept, made].map(|file| std::fs::read_to_string(file).unwrap_or_default());
        assert!(kept == made, "deploy/{name} is not what the chart renders: make generate");
    }
}
