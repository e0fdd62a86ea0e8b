//! Prints the metrics of operator and workers that are kept in `docs/reference/`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("# Metrics\n");
    println!("Written from the code by `make generate`. Operators serve `/metrics` on port 8080, workers on 9090.\n");
    let parts = [
        ("Operator", vaultstream_operator::metrics_catalogue()?),
        ("Worker", vaultstream_worker::metrics::Metrics::catalogue()?),
    ];
    for (title, metrics) in parts {
        println!("## {title}\n\n| metric | labels | meaning |\n| --- | --- | --- |");
        for (name, labels, meaning) in metrics {
            println!("| `{name}` | {} | {} |", labels.join(", "), meaning.trim_end_matches('.'));
        }
        println!();
    }
    println!("Prometheus adds `namespace`, `pod` and `signingjob` to those of workers (the chart's PodMonitor).");
    Ok(())
}
