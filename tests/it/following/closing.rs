//! Partitions of a followed job's signatures, with limits of a few hundred rows.

use rustix::process::Signal;

use super::{TABLE, following};
use crate::harness::{Site, until};

#[tokio::test(flavor = "multi_thread")]
async fn partitions_of_signatures_are_closed_while_their_job_goes_on() {
    let site = Site::new().await;
    site.execute(TABLE).await;
    site.enable("public.moves").await;
    site.ledger_command(&["migrate"]).end().await.assert_code(0);
    site.execute(
        "CREATE OR REPLACE FUNCTION vaultstream.part_limits(OUT rows bigint, OUT age interval) LANGUAGE sql IMMUTABLE AS \
         $$ SELECT 300::bigint, interval '1 month' $$",
    )
    .await;
    let run = site.run(&following("")).start();
    for part in 2..=3 {
        site.execute("INSERT INTO moves (body) SELECT 'row ' || g FROM generate_series(1, 1000) g").await;
        let open = "SELECT coalesce(max(part), 0)::bigint FROM vaultstream.jobs";
        until("a partition is closed", || async { site.number_or_zero(open).await == part }).await;
    }
    site.until_all_signed("moves").await;
    run.signal(Signal::INT);
    run.end().await.assert_code(0);
    site.end_following("moves", "").await;
    assert_eq!(
        (site.signed().await, site.number("SELECT count(*) FROM vaultstream.signatures_1_1").await > 300),
        (2_000, true)
    );
    site.ledger_command(&["delete", "--job", "job", "--yes"]).end().await.assert_code(0);
    let left = "SELECT count(*) FROM pg_class WHERE relnamespace = 'vaultstream'::regnamespace AND relname ~ '^signatures_[0-9]'";
    assert_eq!(site.number(left).await, 0);
}
