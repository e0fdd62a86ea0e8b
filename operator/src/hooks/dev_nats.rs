//! Users and configuration of the development NATS, in the Secret that its pod mounts. The pod is restarted when they have changed: a
//! running server would keep the users that it knows.

use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams},
};
use serde_json::json;
use vaultstream_api::{Phase, SigningJob};
use vaultstream_signing::{Digest, merkle};

use super::{
    nats_users::DevNatsUsers,
    stored::{Data, SecretsError, pair, patch, text},
};
use crate::job::deletion::{ignore_absent, is_absent};

/// The server.
const DEPLOYMENT: &str = "vaultstream-dev-nats";
/// The annotation of its pod that a restart changes.
const ANNOTATION: &str = "vaultstream.dev/nats-configuration";

/// The server's configuration.
const CONFIGURATION: &str = "nats.conf";
/// The password of the operator's user.
const OPERATOR_PASSWORD: &str = "nats-operator-password";
/// A line for each namespace: `NAMESPACE USER PASSWORD`.
const USERS: &str = "nats-users";
/// Namespaces with jobs that began before there were users.
const UNCONFINED: &str = "nats-unconfined";
/// The configuration that the server was last restarted for.
const RESTARTED_FOR: &str = "nats-restarted-for";
/// Everybody's login in earlier versions.
const TOKEN: &str = "nats-token";

/// The users, and whether the running server knows them.
pub(super) struct DevNats {
    pub(super) users: DevNatsUsers,
    /// Of the configuration.
    digest: String,
    restarted: bool,
}

/// Declares a user for each namespace in the servers' Secret, whose data is `present`.
pub(super) async fn declare(
    client: &Client,
    home: &str,
    secret: &'static str,
    present: &Data,
    namespaces: &[&str],
    cluster: &str,
) -> Result<DevNats, SecretsError> {
    let declared = text(present, USERS);
    let mut users = DevNatsUsers::of(text(present, OPERATOR_PASSWORD), declared.unwrap_or_default(), namespaces);
    // In a release that had one token for all, each namespace may have such jobs.
    let of_token = (declared.is_none() && present.contains_key(TOKEN)).then(|| namespaces.join("\n"));
    let perhaps = of_token.as_deref().or_else(|| text(present, UNCONFINED)).unwrap_or_default();
    for namespace in perhaps.lines() {
        if has_unfinished_jobs(client, namespace).await? {
            println!(
                "{namespace}: its jobs began before NATS had users. When they are over, the next upgrade confines its user"
            );
            users.leave_unconfined(namespace);
        }
    }
    let configuration = users.configuration(cluster);
    let digest = merkle::to_hex(&Digest::of(configuration.as_bytes()).0);
    let unconfined = users.unconfined();
    let wanted = [
        (OPERATOR_PASSWORD, users.operator_password()),
        (USERS, users.declared()),
        (UNCONFINED, unconfined.as_str()),
        (CONFIGURATION, configuration.as_str()),
    ];
    let is_new = |(key, value): &(&str, &str)| text(present, key) != Some(*value);
    let changed: Data = wanted.into_iter().filter(is_new).map(pair).collect();
    if !changed.is_empty() {
        patch(client, home, secret, json!(changed)).await?;
        println!("{home}/{secret}: NATS has a user for each namespace");
    }
    let restarted = text(present, RESTARTED_FOR) == Some(digest.as_str());
    Ok(DevNats { users, digest, restarted })
}

impl DevNats {
    /// Has the server start again with its configuration. What it did so is noted afterwards: an interrupted hook does it again.
    pub(super) async fn restart(&self, client: &Client, home: &str, secret: &'static str) -> Result<(), SecretsError> {
        if self.restarted {
            return Ok(());
        }
        let api = Api::<Deployment>::namespaced(client.clone(), home);
        let annotations = json!({ (ANNOTATION): self.digest });
        let patched = json!({"spec": {"template": {"metadata": {"annotations": annotations}}}});
        // Before the first installation there is none.
        ignore_absent(api.patch(DEPLOYMENT, &PatchParams::default(), &Patch::Merge(patched)).await)
            .map_err(SecretsError::Restart)?;
        patch(client, home, secret, json!(Data::from([pair((RESTARTED_FOR, &self.digest))]))).await
    }
}

async fn has_unfinished_jobs(client: &Client, namespace: &str) -> Result<bool, SecretsError> {
    // Whatever else an object of another version holds.
    let kind = ApiResource::erase::<SigningJob>(&());
    let jobs = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &kind);
    match jobs.list(&ListParams::default()).await {
        Ok(jobs) => Ok(jobs.items.iter().any(is_unfinished)),
        // There is no such type yet, or this release does not serve the namespace any more.
        Err(error) if is_absent(&error) => Ok(false),
        Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(false),
        Err(source) => Err(SecretsError::Jobs { namespace: namespace.to_owned(), source }),
    }
}

/// Whether the job has begun and has not ended.
fn is_unfinished(job: &DynamicObject) -> bool {
    let phase = job.data.pointer("/status/phase").cloned().map(serde_json::from_value::<Phase>);
    matches!(phase, Some(Ok(phase)) if !phase.is_final())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_unfinished_from_its_beginning_to_its_end() {
        let kind = ApiResource::erase::<SigningJob>(&());
        for (status, expected) in [
            (json!({}), false),
            (json!({"phase": "Signing"}), true),
            (json!({"phase": "Suspended"}), true),
            (json!({"phase": "Complete"}), false),
            (json!({"phase": "Failed"}), false),
        ] {
            let job = DynamicObject::new("job", &kind).data(json!({"status": status}));
            assert_eq!(is_unfinished(&job), expected, "{status}");
        }
    }
}
