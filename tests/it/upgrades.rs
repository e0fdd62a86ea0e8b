//! A ledger that an earlier version left behind is migrated with a job in the middle of signing, and the job is finished.
//!
//! `earlier/v7.sql` is `pg_dump --inserts -n vaultstream` of a ledger of version 7, whose program was killed when 80 of the 300
//! records of `earlier/job.yaml` were signed with the backend native; `earlier/kek` wraps its keys, and nothing else.

use vaultstream_signing::Backend;

use crate::harness::{Site, assert_signed_exactly_once};

/// What was signed when the dump was made, now.
const SIGNATURES: &str = "SELECT coalesce(string_agg(record_id || ' ' || encode(signature, 'hex'), ',' ORDER BY record_id), '') \
                          FROM vaultstream.signatures WHERE record_id BETWEEN 1 AND 80";

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_an_earlier_version_began_is_finished_by_this_one() {
    let site = Site::new().await;
    site.execute(include_str!("earlier/v7.sql")).await;
    std::fs::write(site.kek(), include_str!("earlier/kek")).unwrap();
    let earlier = site.text(SIGNATURES).await;
    assert_eq!(earlier.split(',').count(), 80);

    let ended = site.run(include_str!("earlier/job.yaml")).end().await;
    let report = ended.assert_code(0).report();
    assert_eq!((report["signed"].as_u64(), report["verified"].as_u64()), (Some(300), Some(300)));
    assert_signed_exactly_once(&site, "earlier", 300).await;
    assert_eq!(site.text(SIGNATURES).await, earlier);
    // It got its view when the ledger was migrated.
    assert_eq!(report["signedView"], "vaultstream.\"signed_default_earlier\"");
    let seen =
        "SELECT count(*) FILTER (WHERE batch >= 0 AND signed_at IS NOT NULL) FROM vaultstream.signed_default_earlier";
    assert_eq!(site.number(seen).await, 300);
    // It has no data key: its private keys were wrapped under the key-encryption key to the end, and then erased.
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.data_keys").await, 0);
    let keys = "SELECT count(*) FROM vaultstream.keys WHERE public_key IS NOT NULL AND wrapped_key IS NULL AND erased_at IS NOT NULL";
    let made = site.number("SELECT count(*) FROM vaultstream.keys WHERE public_key IS NOT NULL").await;
    assert!(made > 2 && site.number(keys).await == made, "{made} keys were made");

    // Which backend the earlier program had used, its ledger does not say: each that it may have used counts.
    let makers: Vec<Backend> =
        report["backend"].as_str().unwrap().split(", ").map(|name| name.parse().unwrap()).collect();
    assert_eq!(makers[..2], [Backend::Native, Backend::Reference]);
    assert!(makers.contains(&Backend::fastest()), "{makers:?}");
    assert_eq!(report["verifiedBy"], Backend::bulk_checker(&makers).as_str());
}
