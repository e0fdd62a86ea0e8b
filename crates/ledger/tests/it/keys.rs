use std::time::Duration;

use vaultstream_ledger::commit::{self, Committed};
use vaultstream_ledger::leases::{self, LeaseOutcome, Material, Stored, Wrapping};
use vaultstream_ledger::steps::{self, Step};
use vaultstream_ledger::{KeyId, Lease};

use crate::stage::{MINUTE, Stage, generated, material, segment};

async fn take(stage: &Stage, job: &vaultstream_ledger::Job, key: KeyId) -> LeaseOutcome {
    leases::take(&stage.ledger, job.id, key, MINUTE).await.unwrap()
}

fn taken(outcome: LeaseOutcome) -> Lease {
    match outcome {
        LeaseOutcome::Granted(lease) => lease,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_key_has_one_holder_at_a_time() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10, 10, 1)).await;
    let key = stage.keys(&job).await[0];
    let first = taken(take(&stage, &job, key).await);
    assert!(first.remaining() > Duration::from_secs(50) && first.remaining() <= Duration::from_secs(54));
    let LeaseOutcome::HeldFor(left) = take(&stage, &job, key).await else { panic!() };
    assert!(left > Duration::from_secs(50) && left <= MINUTE, "{left:?}");
    leases::release(&stage.ledger, &first).await.unwrap();
    let second = taken(take(&stage, &job, key).await);
    assert_eq!((second.epoch, second.id == first.id), (first.epoch + 1, false));
    // What is not ours any more cannot be given back.
    leases::release(&stage.ledger, &first).await.unwrap();
    assert!(matches!(take(&stage, &job, key).await, LeaseOutcome::HeldFor(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_ask_at_once_one_gets_the_lease() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10, 10, 1)).await;
    let key = stage.keys(&job).await[0];
    for round in 0..10 {
        let asking = (0..6).map(|_| {
            let (ledger, id) = (stage.ledger.clone(), job.id);
            tokio::spawn(async move { leases::take(&ledger, id, key, MINUTE).await.unwrap() })
        });
        let mut winners = Vec::new();
        for asked in asking.collect::<Vec<_>>() {
            if let LeaseOutcome::Granted(lease) = asked.await.unwrap() {
                winners.push(lease);
            }
        }
        assert_eq!((round, winners.len()), (round, 1));
        leases::release(&stage.ledger, &winners[0]).await.unwrap();
    }
}

/// The same under a key-encryption key.
fn direct(public: &str, kek_id: &str) -> Material {
    Material { wrapping: Wrapping::Kek(kek_id.to_owned()), ..material(public) }
}

#[tokio::test]
async fn material_is_stored_once_under_the_lease_and_is_final() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10, 10, 1)).await;
    let key = stage.keys(&job).await[0];
    let lease = taken(take(&stage, &job, key).await);
    assert_eq!(lease.material, None);
    let store = async |lease: &Lease, public: &str| {
        leases::store_material(&stage.ledger, lease, &material(public), None).await.unwrap()
    };
    assert_eq!(store(&lease, "public").await, Stored::NoDataKey);
    stage.ledger.insert_kek_canary("k1", b"canary").await.unwrap();
    vaultstream_ledger::data_keys::store(&stage.ledger, job.id, b"data key", "k1").await.unwrap();
    let mut foreign = lease.clone();
    foreign.id = uuid::Uuid::new_v4();
    assert_eq!(store(&foreign, "public").await, Stored::LeaseLost);
    assert_eq!(store(&lease, "public").await, Stored::Stored);
    assert_eq!(store(&lease, "public").await, Stored::Stored, "a repeat after a lost answer");
    assert_eq!(store(&lease, "another").await, Stored::LeaseLost);
    assert_eq!(stage.number("SELECT wraps FROM vaultstream.keks").await, 1, "only the data key is wrapped");
    assert_is_final(&stage, key).await;
    leases::release(&stage.ledger, &lease).await.unwrap();
    assert_eq!(taken(take(&stage, &job, key).await).material, Some(material("public")));
}

#[tokio::test]
async fn material_of_a_job_without_a_data_key_is_stored_under_the_kek() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10, 10, 1)).await;
    stage.without_data_key(&job).await;
    let key = stage.keys(&job).await[0];
    let lease = taken(take(&stage, &job, key).await);
    let store =
        async |material: Material| leases::store_material(&stage.ledger, &lease, &material, None).await.unwrap();
    assert_eq!(store(material("public")).await, Stored::NoDataKey);
    assert_eq!(store(direct("public", "k1")).await, Stored::UnknownKek);
    assert_eq!(stage.ledger.insert_kek_canary("k1", b"first").await.unwrap(), b"first");
    assert_eq!(stage.ledger.insert_kek_canary("k1", b"second").await.unwrap(), b"first");
    assert_eq!(store(direct("public", "k1")).await, Stored::Stored);
    assert_eq!(store(direct("another", "k1")).await, Stored::LeaseLost);
    assert_eq!(stage.number("SELECT wraps FROM vaultstream.keks").await, 1);
    assert_is_final(&stage, key).await;
    leases::release(&stage.ledger, &lease).await.unwrap();
    assert_eq!(taken(take(&stage, &job, key).await).material, Some(direct("public", "k1")));
}

/// Not even the owner of everything changes a key by accident.
async fn assert_is_final(stage: &Stage, key: KeyId) {
    let sql = stage.sql().await;
    for change in [
        "public_key = 'x'",
        "wrapped_key = 'x'",
        "wrapped_key = NULL",
        "kek_id = NULL, public_key = NULL, wrapped_key = NULL",
        "ordinal = 9",
        // Erased, but for the public key.
        "public_key = 'x', wrapped_key = NULL, kek_id = NULL, erased_at = now()",
    ] {
        let error =
            sql.batch_execute(&format!("UPDATE vaultstream.keys SET {change} WHERE id = {key}")).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "VS008", "{change}");
    }
    // A key that is said to be erased, and is not.
    for change in ["erased_at = now()", "erased_at = now(), kek_id = NULL"] {
        let error =
            sql.batch_execute(&format!("UPDATE vaultstream.keys SET {change} WHERE id = {key}")).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "23514", "{change}");
    }
}

#[tokio::test]
async fn a_kek_wraps_no_more_keys_than_it_may() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10, 10, 1)).await;
    stage.without_data_key(&job).await;
    let lease = taken(take(&stage, &job, stage.keys(&job).await[0]).await);
    stage.ledger.insert_kek_canary("k1", b"canary").await.unwrap();
    let full = format!("UPDATE vaultstream.keks SET wraps = {}", vaultstream_signing::MAX_WRAPS_PER_KEK);
    stage.sql().await.batch_execute(&full).await.unwrap();
    let stored = leases::store_material(&stage.ledger, &lease, &direct("public", "k1"), None).await.unwrap();
    assert_eq!(stored, Stored::WrapLimit);
    assert_eq!(stage.number("SELECT count(public_key) FROM vaultstream.keys").await, 0);
}

#[tokio::test]
async fn a_worn_out_key_gets_a_next_version() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10, 10, 3)).await;
    let keys = stage.keys(&job).await;
    let lease = stage.lease(&job, keys[1], MINUTE).await;
    assert_eq!(steps::insert_missing_key_versions(&stage.ledger, job.id).await.unwrap(), Step::Done(vec![]));
    assert!(leases::retire(&stage.ledger, &lease).await.unwrap());
    assert!(!leases::retire(&stage.ledger, &lease).await.unwrap());
    assert!(matches!(take(&stage, &job, keys[1]).await, LeaseOutcome::Retired));
    assert!(matches!(take(&stage, &job, KeyId(9999)).await, LeaseOutcome::Retired));
    let Step::Done(new) = steps::insert_missing_key_versions(&stage.ledger, job.id).await.unwrap() else { panic!() };
    assert_eq!(new.len(), 1);
    let lease = taken(take(&stage, &job, new[0]).await);
    assert_eq!((lease.ordinal, lease.version, lease.material), (2, 2, None));
    assert_eq!(steps::insert_missing_key_versions(&stage.ledger, job.id).await.unwrap(), Step::Done(vec![]));
    assert_eq!(stage.keys(&job).await.len(), 3);
}

#[tokio::test]
async fn active_keys_come_least_recently_used_first() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(100, 10, 4)).await;
    let ranges = stage.ranges(&job).await;
    let keys = stage.keys(&job).await;
    for (range, place) in ranges.iter().zip([2, 0, 2, 1]) {
        let lease = stage.lease(&job, keys[place], MINUTE).await;
        let unit = [segment(range, lease.key)];
        assert_eq!(commit::unit(&stage.ledger, job.id, &lease, &unit, true).await.unwrap(), Committed::Done);
    }
    assert_eq!(stage.keys(&job).await, [keys[3], keys[0], keys[2], keys[1]]);
    let lease = stage.lease(&job, keys[3], MINUTE).await;
    let active = leases::active_keys(&stage.ledger, job.id).await.unwrap();
    assert!(active[0].leased_for > Duration::from_secs(50) && active[0].leased_until.is_some());
    assert_eq!((active[1].leased_for, active[1].leased_until), (Duration::ZERO, None));
    leases::release(&stage.ledger, &lease).await.unwrap();
}
