//! A ledger that an earlier version left behind is migrated with a job in the middle of signing, and the job is finished.
//!
//! Each dump is `pg_dump --inserts -n vaultstream` of a ledger whose program was killed when some of the 300 records were signed. `earlier/kek`
//! wraps the keys in them, and nothing else.
//!
//! - `v7.sql`: `generated.yaml`, at 80 records, with the backend native.
//! - `v22.sql`: `orders.yaml`, over the table of `orders.sql`, in whose rows nobody had a key but an integer.
//! - `v25.sql`: `following.yaml`, at 180 of the 200 rows that the table had, with a checkpoint; 30 rows arrived when nobody ran. With the schema
//!   `public`, where the table is and what was made for it.

use rustix::process::Signal;
use vaultstream_signing::Backend;

use crate::harness::{Site, Subject, assert_signed_exactly_once, others, ours, until};

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

    let ended = site.run(include_str!("earlier/generated.yaml")).end().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_table_s_job_of_the_version_before_keys_of_any_kind_is_finished_as_it_was_begun() {
    let site = Site::new().await;
    site.execute(include_str!("earlier/orders.sql")).await;
    site.execute(include_str!("earlier/v22.sql")).await;
    std::fs::write(site.kek(), include_str!("earlier/kek")).unwrap();
    let before = "SELECT count(*) FROM vaultstream.signatures";
    let made = site.number(before).await;
    assert!((20..300).contains(&made), "{made} were signed");
    let signed = format!(
        "SELECT string_agg(record_id || ' ' || encode(signature, 'hex'), ',' ORDER BY record_id) FROM (SELECT * FROM vaultstream.signatures \
         WHERE record_id IN ({})) s",
        site.text("SELECT string_agg(record_id::text, ', ') FROM vaultstream.signatures").await
    );
    let earlier = site.text(&signed).await;

    let ended = site.run(include_str!("earlier/orders.yaml")).end().await;
    let report = ended.assert_code(0).report();
    assert_eq!((report["signed"].as_u64(), report["verified"].as_u64()), (Some(300), Some(300)), "{report}");
    assert_signed_exactly_once(&site, "earlier", 300).await;
    assert_eq!(site.text(&signed).await, earlier);
    // Its ids are still the table's, and people join it as before.
    let joined = "SELECT count(*) FROM orders o JOIN vaultstream.signed_default_earlier s USING (id) WHERE length(s.signature) = 64";
    assert_eq!(site.number(joined).await, 300);
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.jobs WHERE has_ordinals").await, 0);

    let bundle = site.dir.path().join("earlier.vsb");
    let export = ["export", "--job", "earlier", "--bundle"];
    site.ledger_command(&export).args(&[bundle.to_str().unwrap()]).end().await.assert_code(0);
    let subjects = [Subject::from(bundle)];
    assert_eq!(ours(&subjects[0]), 0);
    for (name, verdicts) in others(&subjects) {
        assert_eq!(verdicts, [0], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_follows_its_table_goes_on_where_the_earlier_version_left_it() {
    let site = Site::new().await;
    site.execute(include_str!("earlier/v25.sql")).await;
    std::fs::write(site.kek(), include_str!("earlier/kek")).unwrap();
    let earlier = "SELECT string_agg(record_id || ' ' || encode(signature, 'hex'), ',' ORDER BY record_id) FROM vaultstream.signatures_1 \
                   WHERE record_id <= 180";
    let signed = site.text(earlier).await;
    let checkpoint = "SELECT encode(digest, 'hex') FROM vaultstream.checkpoints WHERE number = 1";
    let first = site.text(checkpoint).await;

    let manifest = include_str!("earlier/following.yaml");
    let run = site.run(manifest).start();
    site.until_all_signed("moves").await;
    site.execute("INSERT INTO moves (body) VALUES ('after the upgrade')").await;
    site.until_all_signed("moves").await;
    let chained = "SELECT count(*) FROM vaultstream.checkpoints WHERE number > 1";
    until("there is another checkpoint", || async { site.number(chained).await > 0 }).await;
    run.signal(Signal::INT);
    run.end().await.assert_code(0);
    site.ledger_command(&["verify", "--job", "job"]).end().await.assert_code(0);

    let without_follow: Vec<&str> = manifest.lines().filter(|line| !line.contains("follow:")).collect();
    site.end_as("moves", &without_follow.join("\n")).await;
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.signatures_1").await, 231);
    assert_eq!((site.text(earlier).await, site.text(checkpoint).await), (signed, first));
}
