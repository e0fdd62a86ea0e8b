//! `kubectl vaultstream`, with servers that nothing but pods can reach.

use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::harness::{Ended, Job, Program, kubeconfig_file, kubectl};

/// `kubectl vaultstream …` in the namespace of a job.
pub(crate) async fn run(job: &Job, args: &[&str]) -> Ended {
    let dir = tempfile::tempdir().unwrap();
    let plugin = dir.path().join("kubectl-vaultstream");
    symlink(env!("CARGO_BIN_EXE_vaultstream-with-faults"), &plugin).unwrap();
    let program = Program::new(plugin.to_str().unwrap()).args(args).args(&["-n", &job.namespace]);
    program.env("KUBECONFIG", kubeconfig_file()).end().await
}

/// Prints the receipt of a finished job, exports it, and verifies it with the witness of its SigningJob.
pub(crate) async fn reads_a_job_through_a_forwarded_port(job: &Job) {
    let dir = tempfile::tempdir().unwrap();
    let run = async |args: &[&str]| run(job, args).await;
    let receipt = run(&["receipt", &job.name]).await;
    receipt.assert_code(0);
    assert!(receipt.stderr.contains("port-forward to the Service "), "{}", receipt.stderr);
    let receipt: Value = serde_json::from_str(&receipt.stdout).unwrap();
    assert_eq!((&receipt["namespace"], &receipt["name"]), (&job.namespace.as_str().into(), &job.name.as_str().into()));
    let status = run(&["status", &job.name]).await;
    status.assert_code(0);
    assert!(status.stdout.contains(&format!("{}/{} Complete", job.namespace, job.name)), "{}", status.stdout);
    let bundle = dir.path().join("bundle.vsb");
    let bundle = bundle.to_str().unwrap();
    run(&["export", &job.name, "--bundle", bundle]).await.assert_code(0);
    for args in [&["verify", job.name.as_str()][..], &["verify", "--bundle", bundle]] {
        let verified = run(args).await;
        verified.assert_code(0);
        let (said, witness) = (&verified.stdout, "it is the job whose receipt is in the SigningJob's status");
        assert!(said.starts_with("VERIFIED\n") && said.contains(witness), "{args:?}: {said}{}", verified.stderr);
    }
    // The columns of a person.
    let (content, said) = kubectl(&["-n", &job.namespace, "get", "sj", &job.name, "-o", "wide"]).await;
    assert!(content && said.contains(receipt["merkleRoot"].as_str().unwrap()), "{said}");
}
