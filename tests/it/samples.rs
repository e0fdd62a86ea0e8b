//! The samples of `config/samples` as they are, made smaller where they are large.

use serde_json::json;
use vaultstream_signing::{Backend, Nonce};

use crate::harness::{Ended, Site};

async fn sample(site: &Site, file: &str, smaller: (&str, &str)) -> Ended {
    let path = format!("{}/../config/samples/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(smaller.0), "{file} does not contain {}", smaller.0);
    // The authorities of a sample are not there.
    site.run(&text.replacen(smaller.0, smaller.1, 1)).args(&["--anchor-timeout", "0s"]).end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quick_start_sample_runs() {
    let site = Site::new().await;
    let report = sample(&site, "quick-start.yaml", ("", "")).await.assert_code(0).report();
    assert_eq!((report["job"].as_str(), report["verified"].as_u64()), (Some("default/quick-start"), Some(1000)));
    let by_equation = report["checkedByEquation"].as_u64().unwrap();
    assert!(by_equation > 500 && report["checkedOneByOne"] == 1000 - by_equation, "{report}");
    assert_eq!((report["batchSize"].as_u64(), report["records"].as_u64()), (Some(50), Some(1000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_with_everything_runs() {
    let site = Site::new().await;
    let report = sample(&site, "everything.yaml", ("records: 20000", "records: 4000")).await.assert_code(0).report();
    assert_eq!((report["signed"].as_u64(), report["verified"].as_u64()), (Some(4000), Some(4000)));
    let maker = Backend::fastest().effective(Nonce::Deterministic);
    assert_eq!(report["backend"], maker.as_str(), "native has no deterministic nonces");
    assert_eq!(report["verifiedBy"], Backend::bulk_checker(&[maker]).as_str());
    // Deterministic signatures are those of RFC 6979: their R has an even y by chance only, and no equation proves them.
    assert_eq!((&report["checkedByEquation"], &report["checkedOneByOne"]), (&json!(0), &json!(4000)), "{report}");
    assert_eq!(report["oneByOneBy"], "native");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_sample_runs() {
    let site = Site::new().await;
    let sql = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/samples/table.sql");
    site.execute(&std::fs::read_to_string(sql).unwrap()).await;
    let report = sample(&site, "table.yaml", ("", "")).await.assert_code(0).report();
    assert_eq!((report["signed"].as_u64(), report["rejected"].as_u64()), (Some(9900), Some(100)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_autoscaling_sample_runs() {
    let site = Site::new().await;
    let report = sample(&site, "autoscaling.yaml", ("records: 300000", "records: 1500")).await.assert_code(0).report();
    assert_eq!(report["signed"], 1500);
    let rate = report["recordsPerSecond"].as_u64().unwrap();
    assert!(rate < 1500, "{rate} records a second are far above the limit of 500");
}
