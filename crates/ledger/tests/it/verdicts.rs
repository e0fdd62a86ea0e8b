//! Verdicts: who may give one, and which one is shown.

use std::error::Error as _;

use uuid::Uuid;
use vaultstream_ledger::verdicts::{self, Verdict};
use vaultstream_ledger::{Ledger, tenants};

use crate::stage::{Stage, generated, options, url_as};
use crate::tenants::Login;

fn verdict(problems: &[&str]) -> Verdict {
    Verdict {
        verified: problems.is_empty(),
        mode: "full".to_owned(),
        signatures: 40,
        problems: problems.iter().map(|problem| (*problem).to_owned()).collect(),
        version: "1.2.3".to_owned(),
    }
}

#[tokio::test]
async fn what_one_login_found_wrong_is_taken_back_by_no_other() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(40, 10, 2)).await.id;
    let login = Login::of(&stage, "default").await;
    let worker = login.ledger().await;
    assert_eq!(verdicts::last(&worker, job).await.unwrap(), None);
    let wrong = verdict(&["a signature is wrong", "the receipt\nis another one"]);
    assert!(verdicts::give(&stage.ledger, job, &wrong).await.unwrap());
    assert!(verdicts::give(&worker, job, &verdict(&[])).await.unwrap());
    for reader in [&stage.ledger, &worker] {
        let last = verdicts::last(reader, job).await.unwrap().unwrap();
        assert_eq!(last.by, "vaultstream");
        assert_eq!(last.verdict, verdict(&["a signature is wrong", "the receipt is another one"]));
    }
    assert!(verdicts::give(&stage.ledger, job, &verdict(&[])).await.unwrap());
    assert!(verdicts::give(&worker, job, &verdict(&[])).await.unwrap());
    let last = verdicts::last(&stage.ledger, job).await.unwrap().unwrap();
    assert_eq!((last.by, last.verdict), (login.role, verdict(&[])), "the newest of the good ones");
}

#[tokio::test]
async fn what_was_found_wrong_is_not_taken_back_by_a_shallower_look() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(40, 10, 2)).await.id;
    let give = async |mode: &str, problems: &[&str]| {
        let given = Verdict { mode: mode.to_owned(), ..verdict(problems) };
        assert!(verdicts::give(&stage.ledger, job, &given).await.unwrap());
        let last = verdicts::last(&stage.ledger, job).await.unwrap().unwrap().verdict;
        (last.mode, last.verified)
    };
    assert_eq!(give("sample", &["a signature is wrong"]).await, ("sample".to_owned(), false));
    assert_eq!(give("sql", &[]).await, ("sample".to_owned(), false));
    assert_eq!(give("sql", &["a batch is missing"]).await, ("sample".to_owned(), false));
    assert_eq!(give("full", &["a signature is wrong"]).await, ("full".to_owned(), false));
    assert_eq!(give("sample", &[]).await, ("full".to_owned(), false));
    assert_eq!(give("full", &[]).await, ("full".to_owned(), true));
    assert_eq!(give("sql", &[]).await, ("sql".to_owned(), true));
}

#[tokio::test]
async fn a_verdict_over_another_s_job_and_an_auditor_s_are_not_kept() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(40, 10, 2)).await.id;
    let other = Login::of(&stage, "other").await.ledger().await;
    assert!(!verdicts::give(&other, job, &verdict(&[])).await.unwrap());
    let role = format!("auditor_{:x}", Uuid::new_v4().as_u128());
    tenants::add_auditor(&stage.ledger, &role, "secret").await.unwrap();
    let auditor = Ledger::connect(&options(&url_as(&stage.url, &role))).await.unwrap();
    let denied = verdicts::give(&auditor, job, &verdict(&[])).await.unwrap_err();
    assert!(denied.source().unwrap().to_string().contains("permission denied"), "{denied:?}");
    assert_eq!(verdicts::last(&stage.ledger, job).await.unwrap(), None);
}
