//! The live page in a cluster: whoever looks sees what the API server lets their token list, and nothing else.

use std::time::Duration;

use crate::harness::{Place, THE_END, generated};

#[tokio::test(flavor = "multi_thread")]
async fn the_live_page_shows_a_viewer_what_its_token_may_list() {
    let place = Place::new().await;
    let operator = place.start_operator().await;
    let job = place.create(&generated("job", 100, "batchSize: 10\nkeys: {count: 2}")).await;
    job.until_complete().await;
    let (viewer, stranger) = (place.viewer_token("viewer", true).await, place.viewer_token("stranger", false).await);
    let of_job = format!("/ui/api/jobs/{}", job.uid);

    let page = operator.sent("/ui/", None, THE_END).await;
    assert!(page.starts_with("HTTP/1.0 200") && !page.contains(&job.uid.to_string()), "{page}");
    for path in ["/ui/api/jobs", &of_job, &format!("{of_job}/receipt")] {
        for token in [None, Some("none"), Some("a.b.c")] {
            let refused = operator.sent(path, token, THE_END).await;
            assert!(refused.starts_with("HTTP/1.0 401") && !refused.contains("job\""), "{path} {token:?}: {refused}");
        }
    }

    let seen = operator.sent("/ui/api/jobs", Some(&viewer), &job.uid.to_string()).await;
    assert!(seen.starts_with("HTTP/1.0 200"), "{seen}");
    let nothing = operator.sent("/ui/api/jobs", Some(&stranger), "}\n").await;
    assert!(nothing.contains(r#""jobs":[]"#) && !nothing.contains(&job.uid.to_string()), "{nothing}");
    // Nobody learns whether there is a job of this uid, or where.
    let of_none = "/ui/api/jobs/5f0c1c39-0000-4000-8000-000000000000".to_owned();
    for path in [of_job.clone(), format!("{of_job}/receipt"), of_none] {
        let refused = operator.sent(&path, Some(&stranger), THE_END).await;
        assert!(refused.starts_with("HTTP/1.0 404"), "{path}: {refused}");
        let body = refused.split("\r\n\r\n").nth(1).unwrap_or_default();
        let expected = "there is no such job in this ledger, or none whose namespace's SigningJobs you may list";
        assert_eq!(body, format!("{{\"error\":\"{expected}\"}}"), "{path}");
    }

    for section in ["event: job\n", "event: batches", "event: keys", "event: workers", "kubectl vaultstream verify"] {
        operator.sent(&of_job, Some(&viewer), section).await;
    }
    let receipt = operator.sent(&format!("{of_job}/receipt"), Some(&viewer), THE_END).await;
    assert_eq!(receipt.split("\r\n\r\n").nth(1), Some(&*place.site.text("SELECT receipt FROM vaultstream.jobs").await));
    // They may come later than the job's end.
    operator.sent(&of_job, Some(&viewer), r#""type":"Normal""#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_the_right_is_sent_nothing_more_after_a_minute() {
    let place = Place::new().await;
    let operator = place.start_operator().await;
    let job = place.create(&generated("job", 100, "batchSize: 10\nkeys: {count: 2}")).await;
    job.until_complete().await;
    let [loses, keeps] = [place.viewer_token("loses", true).await, place.viewer_token("keeps", true).await];
    let of_job = format!("/ui/api/jobs/{}", job.uid);
    let [mut lost, mut kept] = [operator.look(&of_job, &loses).await, operator.look(&of_job, &keeps).await];
    lost.until("keys").await;
    kept.until("keys").await;
    place.kubectl(&["delete", "rolebinding", "loses"]).await;
    // Asked once a minute, and looked at whenever Events are due.
    lost.until_ended(Duration::from_secs(100)).await;
    assert!(kept.is_held(), "who kept the right is sent nothing more, either");
}
