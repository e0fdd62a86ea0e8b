//! `vaultstream bench --follow`.

use serde_json::Value;

use crate::harness::{Ended, Program, Site};

const SHORT: &str = "bench --follow --insert-rate 300 --insert-time 2s --max-delay 100ms --batch-size 7 --keys 2 --pairs 1 --raw-time 20ms";

impl Site {
    async fn bench(&self, more: &[&str]) -> Ended {
        let kek = self.kek();
        let place =
            ["--database-url", &self.database_url, "--nats-url", &self.nats_url, "--kek-file", kek.to_str().unwrap()];
        let args: Vec<&str> = SHORT.split(' ').chain(place).chain(more.iter().copied()).collect();
        Program::vaultstream(&args).end().await
    }
}

#[tokio::test]
async fn a_table_that_grows_is_measured_row_by_row_and_nothing_is_left_of_it() {
    let site = Site::new().await;
    let ended = site.bench(&["-o", "json"]).await;
    ended.assert_code(0);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let run = &report["runs"][0];
    let number = |value: &Value| value.as_f64().unwrap();
    assert_eq!((run["batchSize"].as_u64(), report["runs"].as_array().map(Vec::len)), (Some(7), Some(1)), "{report}");
    assert!((590.0..=610.0).contains(&number(&run["rows"])), "{report}");
    let latency = ["p50", "p95", "p99", "longest"].map(|part| number(&run["latencyMillis"][part]));
    assert!(latency.is_sorted() && latency[0] > 0.0 && latency[3] < 60_000.0, "{report}");
    for cost in report["triggerCost"].as_array().unwrap() {
        assert!(number(&cost["ratio"]) > 0.0 && number(&cost["rowsPerSecondWith"]) > 0.0, "{report}");
    }
    assert_eq!(site.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'vaultstream_bench'").await, 0);
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.jobs").await, 0);
}

/// It may be anybody's.
#[tokio::test]
async fn a_schema_that_is_there_is_not_dropped() {
    let site = Site::new().await;
    site.execute("CREATE SCHEMA vaultstream_bench CREATE TABLE orders (id int)").await;
    let ended = site.bench(&[]).await;
    ended.assert_code(2);
    assert!(ended.stderr.contains("DROP SCHEMA vaultstream_bench CASCADE"), "{}", ended.stderr);
    assert_eq!(site.number("SELECT count(*) FROM vaultstream_bench.orders").await, 0);
}

#[tokio::test]
async fn figures_of_a_growing_table_are_asked_for_with_follow_alone() {
    for (args, named) in [("bench --insert-rate 5", "--follow"), ("bench --follow --records 5", "--records")] {
        let ended = Program::vaultstream(&args.split(' ').collect::<Vec<_>>()).end().await;
        ended.assert_code(2);
        assert!(ended.stderr.contains(named), "{}", ended.stderr);
    }
}
