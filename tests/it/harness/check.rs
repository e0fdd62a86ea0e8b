//! The claim of all claims: every record of a Complete job has exactly one signature, or one reject with its reason.

use super::{Program, Site};

/// Complete, all signed, none rejected.
pub(crate) async fn assert_signed_exactly_once(site: &Site, job: &str, records: i64) {
    assert_complete(site, job, records, 0).await;
}

/// The job of this name in the namespace `default`.
pub(crate) async fn assert_complete(site: &Site, job: &str, signed: i64, rejected: i64) {
    assert_complete_in(site, "default", job, signed, rejected).await;
}

/// By SQL of our own first, then by `vaultstream verify`, which checks every signature with another implementation.
pub(crate) async fn assert_complete_in(site: &Site, namespace: &str, job: &str, signed: i64, rejected: i64) {
    let sql = site.sql().await;
    let row = sql
        .query_one(
            "SELECT id, state, receipt IS NOT NULL FROM vaultstream.jobs WHERE namespace = $1 AND name = $2 AND live \
             ORDER BY id DESC LIMIT 1",
            &[&namespace, &job],
        )
        .await
        .unwrap();
    let (id, state, receipt): (i64, String, bool) = (row.get(0), row.get(1), row.get(2));
    assert_eq!((state.as_str(), receipt), ("Complete", true));
    let counts = sql
        .query_one(
            "SELECT (SELECT count(*) FROM vaultstream.signatures WHERE job_id = $1), \
                    (SELECT count(DISTINCT record_id) FROM vaultstream.signatures WHERE job_id = $1), \
                    (SELECT count(*) FROM vaultstream.rejects WHERE job_id = $1), \
                    (SELECT count(*) FROM vaultstream.signatures s JOIN vaultstream.rejects r USING (job_id, record_id) \
                      WHERE job_id = $1), \
                    (SELECT count(*) FROM vaultstream.batches WHERE job_id = $1 AND state <> 'signed'), \
                    (SELECT sum(signed)::bigint FROM vaultstream.keys WHERE job_id = $1 AND ordinal > 0)",
            &[&id],
        )
        .await
        .unwrap();
    let counts: Vec<i64> = (0..6).map(|column| counts.get(column)).collect();
    assert_eq!(
        counts,
        [signed, signed, rejected, 0, 0, signed],
        "signatures, signed records, rejects, records with both, unsigned batches, the keys' counters"
    );
    let job = format!("{namespace}/{job}");
    // Tests change tables while they are signed, and afterwards.
    let args = ["verify", "--job", &job, "--mode", "full", "--allow-changed", "--output", "json"];
    let verify = Program::vaultstream(&args).env("DATABASE_URL", &site.database_url);
    let report = verify.end().await.assert_code(0).report();
    assert_eq!(report["verified"], signed, "{report}");
}
