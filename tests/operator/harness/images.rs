//! The images that the node has.

use tokio::process::Command;

/// Loaded into the node by scripts/test-cluster.
pub(crate) const WORKER_IMAGE: &str = "vaultstream-worker:test";

/// Gives the worker's image another name, whatever had it before.
pub(crate) async fn tag_worker_image(name: &str) {
    let present = format!("docker.io/library/{WORKER_IMAGE}");
    node(Command::new("ctr").args(["images", "tag", "--force", &present, name])).await;
}

/// A command that changes what images the node has.
pub(crate) async fn node(command: &mut Command) {
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
