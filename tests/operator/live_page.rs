//! The live page in a cluster: whoever looks sees what the API server lets their token list, and nothing else.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Operator, PATIENCE, Place, generated, kubectl};

/// A token of a new ServiceAccount, which may list the namespace's SigningJobs and Events, or nothing.
async fn token(place: &Place, name: &str, may_list: bool) -> String {
    let namespace = ["-n", place.namespace.as_str()];
    let run = async |args: &[&str]| {
        let (succeeded, said) = kubectl(&[&namespace, args].concat()).await;
        assert!(succeeded, "{said}");
        said
    };
    run(&["create", "serviceaccount", name]).await;
    if may_list {
        run(&["create", "role", name, "--verb=list", "--resource=signingjobs.vaultstream.dev,events.events.k8s.io"])
            .await;
        let account = format!("--serviceaccount={}:{name}", place.namespace);
        run(&["create", "rolebinding", name, &format!("--role={name}"), &account]).await;
    }
    run(&["create", "token", name]).await.trim().to_owned()
}

/// Nothing that is sent has it: the whole of a response that ends.
const THE_END: &str = "\u{0}";

/// What is sent for a path until `wanted` is among it, or the response ends.
async fn sent(operator: &Operator, path: &str, token: Option<&str>, wanted: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", operator.port)).await.unwrap();
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: page\r\n{authorization}\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&answer).contains(wanted) {
            if stream.read_buf(&mut answer).await.unwrap() == 0 {
                break;
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, reading).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(ended.is_ok(), "{wanted} never came: {answer}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_page_shows_a_viewer_what_its_token_may_list() {
    let place = Place::new().await;
    let operator = place.start_operator().await;
    let job = place.create(&generated("job", 100, "batchSize: 10\nkeys: {count: 2}")).await;
    job.until_complete().await;
    let (viewer, stranger) = (token(&place, "viewer", true).await, token(&place, "stranger", false).await);
    let of_job = format!("/ui/api/jobs/{}", job.uid);

    let page = sent(&operator, "/ui/", None, THE_END).await;
    assert!(page.starts_with("HTTP/1.0 200") && !page.contains(&job.uid.to_string()), "{page}");
    for path in ["/ui/api/jobs", &of_job, &format!("{of_job}/receipt")] {
        for token in [None, Some("none"), Some("a.b.c")] {
            let refused = sent(&operator, path, token, THE_END).await;
            assert!(refused.starts_with("HTTP/1.0 401") && !refused.contains("job\""), "{path} {token:?}: {refused}");
        }
    }

    let seen = sent(&operator, "/ui/api/jobs", Some(&viewer), &job.uid.to_string()).await;
    assert!(seen.starts_with("HTTP/1.0 200"), "{seen}");
    let nothing = sent(&operator, "/ui/api/jobs", Some(&stranger), "}\n").await;
    assert!(nothing.contains(r#""jobs":[]"#) && !nothing.contains(&job.uid.to_string()), "{nothing}");
    for path in [of_job.clone(), format!("{of_job}/receipt")] {
        let refused = sent(&operator, &path, Some(&stranger), THE_END).await;
        assert!(refused.starts_with("HTTP/1.0 403") && refused.contains(&place.namespace), "{path}: {refused}");
    }

    for section in ["event: job\n", "event: batches", "event: keys", "event: workers", "kubectl vaultstream verify"] {
        sent(&operator, &of_job, Some(&viewer), section).await;
    }
    let receipt = sent(&operator, &format!("{of_job}/receipt"), Some(&viewer), THE_END).await;
    assert_eq!(receipt.split("\r\n\r\n").nth(1), Some(&*place.site.text("SELECT receipt FROM vaultstream.jobs").await));
    // They may come later than the job's end.
    sent(&operator, &of_job, Some(&viewer), r#""type":"Normal""#).await;
}
