//! Data keys: one for each job, made once; jobs of earlier versions go without.

use std::collections::HashSet;

use vaultstream_ledger::KeyId;
use vaultstream_ledger::data_keys::{self, JobDataKey, StoredDataKey, WrappedDataKey};

use crate::stage::{Stage, generated};

fn wrapped(bytes: &[u8]) -> WrappedDataKey {
    WrappedDataKey { bytes: bytes.to_vec(), kek_id: "k1".to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_make_a_data_key_at_once_one_wins_and_all_get_it() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10, 10, 1)).await;
    assert_eq!(data_keys::of_job(&stage.ledger, job.id).await.unwrap(), JobDataKey::NotMade);
    assert_eq!(data_keys::store(&stage.ledger, job.id, b"early", "k1").await.unwrap(), StoredDataKey::UnknownKek);
    stage.ledger.insert_kek_canary("k1", b"canary").await.unwrap();
    let making = (0..8_u8).map(|number| {
        let (ledger, id) = (stage.ledger.clone(), job.id);
        tokio::spawn(async move { data_keys::store(&ledger, id, &[number; 60], "k1").await.unwrap() })
    });
    let mut had = HashSet::new();
    for made in making.collect::<Vec<_>>() {
        let StoredDataKey::Stored(data_key) = made.await.unwrap() else { panic!("not stored") };
        had.insert(data_key.bytes);
    }
    assert_eq!(had.len(), 1, "{had:?}");
    let JobDataKey::Made(stored) = data_keys::of_job(&stage.ledger, job.id).await.unwrap() else { panic!("not made") };
    assert!(had.contains(&stored.bytes));
    assert_eq!(stage.number("SELECT wraps FROM vaultstream.keks").await, 1);
    assert_eq!(stage.ledger.keks_of_job(job.id).await.unwrap(), ["k1"]);
}

#[tokio::test]
async fn a_kek_that_has_wrapped_enough_wraps_no_data_key() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10, 10, 1)).await;
    stage.ledger.insert_kek_canary("k1", b"canary").await.unwrap();
    let full = format!("UPDATE vaultstream.keks SET wraps = {}", vaultstream_signing::MAX_WRAPS_PER_KEK);
    stage.sql().await.batch_execute(&full).await.unwrap();
    assert_eq!(data_keys::store(&stage.ledger, job.id, b"x", "k1").await.unwrap(), StoredDataKey::WrapLimit);
    assert_eq!(data_keys::of_job(&stage.ledger, job.id).await.unwrap(), JobDataKey::NotMade);
}

/// Not even the owner of everything changes a data key by accident.
#[tokio::test]
async fn a_data_key_is_final_but_for_its_wrapping() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10, 10, 1)).await;
    for kek in ["k1", "k2"] {
        stage.ledger.insert_kek_canary(kek, b"canary").await.unwrap();
    }
    data_keys::store(&stage.ledger, job.id, b"first", "k1").await.unwrap();
    let sql = stage.sql().await;
    for (change, code) in [
        ("wrapped_key = 'x'", "VS008"),
        ("kek_id = 'k2'", "VS008"),
        ("made_at = now()", "VS008"),
        ("job_id = job_id + 1", "VS008"),
        ("wrapped_key = NULL, kek_id = NULL", "23514"),
        ("erased_at = now()", "23514"),
    ] {
        let error = sql.batch_execute(&format!("UPDATE vaultstream.data_keys SET {change}")).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), code, "{change}: {error}");
    }
    sql.batch_execute("UPDATE vaultstream.data_keys SET wrapped_key = 'x', kek_id = 'k2'").await.unwrap();
    sql.batch_execute("UPDATE vaultstream.data_keys SET wrapped_key = NULL, kek_id = NULL, erased_at = now()")
        .await
        .unwrap();
    for change in ["erased_at = NULL, wrapped_key = 'x', kek_id = 'k1'", "erased_at = now()"] {
        let error = sql.batch_execute(&format!("UPDATE vaultstream.data_keys SET {change}")).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "VS008", "{change}: {error}");
    }
}

/// What the worker of an earlier version asks for a key.
async fn asked_as_before(stage: &Stage, job: i64, key: KeyId) -> Result<String, tokio_postgres::Error> {
    let sql = "SELECT outcome FROM vaultstream.take_lease($1, $2, gen_random_uuid(), interval '1 minute')";
    Ok(stage.sql().await.query_one(sql, &[&job, &key.0]).await?.get("outcome"))
}

#[tokio::test]
async fn a_worker_of_an_earlier_version_gets_keys_of_earlier_jobs_and_no_others() {
    let stage = Stage::new().await;
    let [new, earlier] = [stage.signing(generated(10, 10, 2)).await, stage.signing(generated(10, 10, 2)).await];
    stage.without_data_key(&earlier).await;
    stage.ledger.insert_kek_canary("k1", b"canary").await.unwrap();
    assert_eq!(data_keys::of_job(&stage.ledger, earlier.id).await.unwrap(), JobDataKey::None);
    assert_eq!(data_keys::store(&stage.ledger, earlier.id, b"x", "k1").await.unwrap(), StoredDataKey::Over);
    let key = stage.keys(&earlier).await[0];
    assert_eq!(asked_as_before(&stage, earlier.id.0, key).await.unwrap(), "taken");

    for made in [false, true] {
        let refused = asked_as_before(&stage, new.id.0, stage.keys(&new).await[0]).await.unwrap_err();
        let told = refused.as_db_error().unwrap().message().to_owned();
        assert_eq!(refused.code().unwrap().code(), "VS010", "made: {made}");
        assert!(told.contains("need a newer worker") && told.contains("upgrade-workers"), "{told}");
        data_keys::store(&stage.ledger, new.id, b"data key", "k1").await.unwrap();
    }
    assert_eq!(data_keys::of_job(&stage.ledger, new.id).await.unwrap(), JobDataKey::Made(wrapped(b"data key")));
    let touched = format!(
        "SELECT count(*) FROM vaultstream.keys WHERE job_id = {} AND (state <> 'active' OR holder IS NOT NULL)",
        new.id
    );
    assert_eq!(stage.number(&touched).await, 0);
}
