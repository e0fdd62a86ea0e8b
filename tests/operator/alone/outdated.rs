//! A SigningJob type that is older than the operator: the API server would silently drop fields that the type does not have.

use vaultstream_api::{ConditionType, Reason};

use crate::harness::{Place, assert_complete_in, condition, generated, install_crd, older_crd, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_outdated_type_is_named_and_its_jobs_begin_once_it_is_upgraded() {
    let place = Place::quiet().await;
    older_crd(&place.client).await;
    let _operator = place.start_operator().await;
    let job = place.create(&generated("job", 100, "batchSize: 20\nkeys: {count: 2}")).await;
    let refused = job.until_condition(ConditionType::Accepted, "False", Reason::TypeOutdated).await;
    let message = condition(&refused, ConditionType::Accepted).unwrap().message.clone();
    until("there is an Event", || async { !job.events("TypeOutdated").await.is_empty() }).await;
    assert_eq!(place.children().await, Vec::<String>::new());
    install_crd(&place.client).await;
    assert!(message.contains("spec.workers.maxRecordsPerSecond"), "{message}");
    job.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "job", 100, 0).await;
}
