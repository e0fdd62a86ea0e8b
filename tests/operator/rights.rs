//! What the operator may not do, as the API server itself says, and what its users may do.

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding, RoleRef, Subject};
use kube::Api;
use kube::api::{ListParams, PostParams};
use vaultstream_api::{ConditionType, Reason};
use vaultstream_operator::permissions::{OPERATOR, user_roles};

use crate::harness::{
    OwnNamespace, Place, apply, apply_cluster, assert_complete_in, condition, generated, kubectl, until,
};

/// `verb resource[/subresource][.group] [name]`, in a namespace or, with none, in the whole cluster.
pub(crate) async fn may(place: &Place, namespace: Option<&str>, what: &str) -> bool {
    let words: Vec<&str> = what.split(' ').collect();
    let (resource, group) = words[1].split_once('.').unwrap_or((words[1], ""));
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let own = &place.operator_namespace;
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(format!("system:serviceaccount:{own}:{OPERATOR}")),
            groups: Some(vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{own}"),
                "system:authenticated".to_owned(),
            ]),
            resource_attributes: Some(ResourceAttributes {
                namespace: namespace.map(str::to_owned),
                verb: some(words[0]),
                group: some(group),
                resource: some(resource),
                subresource: some(subresource),
                name: words.get(2).map(|name| (*name).to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let reviews = Api::<SubjectAccessReview>::all(place.client.clone());
    reviews.create(&PostParams::default(), &review).await.unwrap().status.unwrap().allowed
}

pub(crate) async fn assert_may_not(place: &Place, namespace: Option<&str>, questions: &[&str]) {
    for what in questions {
        assert!(!may(place, namespace, what).await, "the operator may {what} in {namespace:?}");
    }
}

/// What no operator may, anywhere.
pub(crate) const NEVER: [&str; 20] = [
    "create secrets",
    "list secrets",
    "watch secrets",
    "get secrets another",
    "update secrets another",
    "delete secrets another",
    "create pods",
    "create pods/exec",
    "create pods/attach",
    "get pods/log",
    "delete pods",
    "list configmaps",
    "create serviceaccounts/token",
    "create roles.rbac.authorization.k8s.io",
    "bind clusterroles.rbac.authorization.k8s.io cluster-admin",
    "create rolebindings.rbac.authorization.k8s.io",
    "impersonate users admin",
    "list events",
    "update deployments.apps",
    "deletecollection signingjobs.vaultstream.dev",
];

pub(crate) const NEVER_IN_THE_CLUSTER: [&str; 12] = [
    "list nodes",
    "get nodes/proxy node1",
    "create clusterroles.rbac.authorization.k8s.io",
    "patch clusterroles.rbac.authorization.k8s.io cluster-admin",
    "escalate clusterroles.rbac.authorization.k8s.io",
    "delete namespaces default",
    "list namespaces",
    "patch apiservices.apiregistration.k8s.io v1.apps",
    "create apiservices.apiregistration.k8s.io v1.apps",
    "delete apiservices.apiregistration.k8s.io v1.apps",
    "patch customresourcedefinitions.apiextensions.k8s.io signingjobs.vaultstream.dev",
    "create certificatesigningrequests.certificates.k8s.io",
];

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_of_one_namespace_works_without_any_right_outside_of_it() {
    let place = Place::apart().await;
    let operator = place.start_operator().await;
    let job = place.create(&generated("job", 100, "batchSize: 20\nkeys: {count: 2}")).await;
    job.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "job", 100, 0).await;
    let log = operator.stderr();
    assert!(!log.contains("forbidden"), "{log}");

    let bindings = Api::<ClusterRoleBinding>::all(place.client.clone()).list(&ListParams::default()).await.unwrap();
    let ours =
        |subject: &Subject| subject.name == OPERATOR && subject.namespace.as_ref() == Some(&place.operator_namespace);
    assert!(!bindings.items.iter().any(|binding| binding.subjects.iter().flatten().any(ours)));
    let other = OwnNamespace::new(&place.client).await;
    for namespace in [place.namespace.as_str(), &place.operator_namespace, &other.name, "kube-system"] {
        assert_may_not(&place, Some(namespace), &NEVER).await;
    }
    assert_may_not(&place, None, &NEVER_IN_THE_CLUSTER).await;
    let elsewhere =
        ["list signingjobs.vaultstream.dev", "list pods", "create deployments.apps", "create events.events.k8s.io"];
    assert_may_not(&place, Some(&other.name), &elsewhere).await;
    assert_may_not(&place, None, &elsewhere).await;
    assert_may_not(&place, Some(&place.operator_namespace), &["list signingjobs.vaultstream.dev"]).await;
    let of_the_cluster = [
        "get namespaces kube-system",
        "create subjectaccessreviews.authorization.k8s.io",
        "delete apiservices.apiregistration.k8s.io v1beta1.external.metrics.k8s.io",
    ];
    assert_may_not(&place, None, &of_the_cluster).await;
}

async fn bind(place: &Place, role: &str, user: &str) {
    let mut binding = RoleBinding::default();
    binding.metadata.name = Some(user.to_owned());
    binding.metadata.namespace = Some(place.namespace.clone());
    binding.role_ref = RoleRef {
        api_group: Some("rbac.authorization.k8s.io".to_owned()),
        kind: "ClusterRole".to_owned(),
        name: role.to_owned(),
    };
    binding.subjects = Some(vec![Subject { kind: "User".to_owned(), name: user.to_owned(), ..Subject::default() }]);
    apply(&place.client, &binding).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_who_view_or_edit_a_namespace_view_or_edit_its_jobs() {
    let place = Place::new().await;
    for role in user_roles() {
        apply_cluster(&place.client, &role).await;
    }
    bind(&place, "view", "viewer").await;
    bind(&place, "edit", "editor").await;
    let can = async |user: &str, verb: &str, what: &str| {
        kubectl(&["-n", &place.namespace, "auth", "can-i", verb, what, "--as", user]).await.0
    };
    let jobs = "signingjobs.vaultstream.dev";
    until("the roles are aggregated", || async {
        can("viewer", "get", jobs).await && can("editor", "create", jobs).await
    })
    .await;
    for verb in ["get", "list", "watch"] {
        assert!(can("viewer", verb, jobs).await && can("editor", verb, jobs).await, "{verb}");
    }
    for verb in ["create", "update", "patch", "delete", "deletecollection"] {
        assert!(can("editor", verb, jobs).await && !can("viewer", verb, jobs).await, "{verb}");
    }
    let can_status = async |user: &str, verb: &str| {
        let question = ["auth", "can-i", verb, jobs, "--subresource", "status", "--as", user];
        kubectl(&[&["-n", &place.namespace][..], &question].concat()).await.0
    };
    assert!(can_status("viewer", "get").await && can_status("editor", "get").await);
    assert!(!can_status("editor", "patch").await, "a status is the operator's to write");
    assert!(!can("stranger", "get", jobs).await);

    // Not only in theory.
    let file = place.site.dir.path().join("job.yaml");
    std::fs::write(&file, generated("job", 10, "batchSize: 20\nkeys: {count: 1}")).unwrap();
    let as_user = |user| ["-n", &place.namespace, "apply", "-f", file.to_str().unwrap(), "--as", user];
    let (content, said) = kubectl(&as_user("viewer")).await;
    assert!(!content && said.contains("forbidden"), "{said}");
    let (content, said) = kubectl(&as_user("editor")).await;
    assert!(content, "{said}");
    let (content, said) = kubectl(&["-n", &place.namespace, "get", "sj", "--as", "viewer"]).await;
    assert!(content && said.contains("job"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_with_the_owner_s_login_waits_and_one_with_its_own_drives_jobs() {
    const CLUSTER: &str = "own-logins";
    let place = Place::new().await;
    let operator = place.operator("operator").await.args(&["--cluster-id", CLUSTER]);
    let _operator = operator.env("VAULTSTREAM_ALLOW_OWNER", "false").start();
    let job = place.create(&generated("job", 200, "batchSize: 20\nkeys: {count: 2}")).await;
    let told = job.until_condition(ConditionType::Ready, "False", Reason::LedgerRefused).await;
    let message = &condition(&told, ConditionType::Ready).unwrap().message;
    assert!(message.contains("is a superuser") && message.contains("vaultstream tenant operator"), "{message}");

    place.servers.use_own_logins(&place.client, CLUSTER, &place.namespace).await;
    let done = job.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "job", 200, 0).await;
    assert!(done.status.unwrap().receipt.is_some());
}
