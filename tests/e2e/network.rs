//! What NetworkPolicies let through, on a node that enforces them: tried by pods, from each place a caller may be in.

use futures_util::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use serde_json::json;
use uuid::Uuid;

use crate::harness::{OwnNamespace, is_own_node, kubectl, kubectl_with_input, skipped, until};
use crate::release::Release;

/// Connects to each HOST:PORT. A new pod is known to the node's rules within a second or two.
const TRY: &str = "busybox sleep 5; for place in \"$@\"; do \
                   if busybox nc -w 3 \"${place%:*}\" \"${place#*:}\" -e /bin/busybox true 2>/dev/null; \
                   then echo \"$place reached\"; else echo \"$place closed\"; fi; done";

/// The values that have it all limited.
pub(crate) const VALUES: &str = "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team=monitoring";

/// What a pod of this namespace with this name reaches: a line for each place.
pub(crate) async fn reached(client: &Client, namespace: &str, name: &str, places: &[String]) -> Vec<String> {
    let pod = format!("try-{}", Uuid::new_v4().simple());
    let command = [["/bin/busybox", "sh", "-c", TRY, "try"].map(str::to_owned).as_slice(), places].concat();
    let manifest = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": pod, "namespace": namespace, "labels": {"app.kubernetes.io/name": name}},
        "spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                // The node's own, of busybox.
                "name": "try", "image": "pause:1", "command": command,
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    });
    let (content, said) = kubectl_with_input(&["apply", "-f", "-"], &manifest.to_string()).await;
    assert!(content, "{said}");
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    let phase = async || pods.get(&pod).await.unwrap().status.and_then(|status| status.phase).unwrap_or_default();
    until("all places were tried", || async { matches!(phase().await.as_str(), "Succeeded" | "Failed") }).await;
    let (content, said) = kubectl(&["-n", namespace, "logs", &pod]).await;
    assert!(content, "{said}");
    said.lines().map(str::to_owned).collect()
}

/// Everybody reaches what the policies of a release with [`VALUES`] allow, and nothing else.
pub(crate) async fn only_what_is_allowed_is_reached(release: &Release) {
    if !is_own_node() {
        skipped("whether NetworkPolicies are enforced, which is known of a node of the project's own only");
        return;
    }
    let (client, home) = (&release.client, &release.namespace);
    let (stranger, monitoring) = (OwnNamespace::new(client).await, OwnNamespace::new(client).await);
    let (content, said) = kubectl(&["label", "namespace", &monitoring.name, "team=monitoring"]).await;
    assert!(content, "{said}");
    let of_release = |(service, port): (&str, u16)| format!("vaultstream-{service}.{home}.svc:{port}");
    let [metrics, keda, api, postgres, nats] =
        [("operator", 8080), ("scaling", 8081), ("metrics-api", 443), ("dev-postgres", 5432), ("dev-nats", 4222)]
            .map(of_release);
    let kubernetes = "kubernetes.default.svc:443".to_owned();
    let places = [metrics, keda, api, postgres, nats, kubernetes];
    let worker = "vaultstream-worker";
    let callers = [
        // The API server has no selector, so everybody reaches its port.
        ("a stranger", &stranger.name, "stranger", [false, false, true, false, false, true]),
        ("a pod that calls itself a worker", &stranger.name, worker, [false, false, true, false, false, true]),
        ("a reader of metrics", &monitoring.name, "prometheus", [true, false, true, false, false, true]),
        ("a worker", &release.team, worker, [false, false, false, true, true, false]),
        ("a pod beside the workers", &release.team, "stranger", [false, false, true, false, false, true]),
    ];
    let tried = callers.map(|(who, namespace, name, allowed)| {
        let places = &places;
        async move { (who, allowed, reached(client, namespace, name, places).await) }
    });
    for (who, allowed, reached) in join_all(tried).await {
        let expected = places
            .iter()
            .zip(allowed)
            .map(|(place, allowed)| format!("{place} {}", if allowed { "reached" } else { "closed" }));
        assert_eq!(reached, expected.collect::<Vec<_>>(), "{who}");
    }
}
