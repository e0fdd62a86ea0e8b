//! A table to be signed.

use std::ops::RangeInclusive;

use super::place::Place;

impl Place {
    /// Creates the table `papers (id, body)`, which workers may read, with a row for each of `ids`.
    #[allow(dead_code, reason = "shared with the other suites, which sign no table")]
    pub(crate) async fn create_papers(&self, ids: RangeInclusive<u32>) {
        let (first, last) = ids.into_inner();
        self.site
            .execute(&format!(
                "CREATE TABLE papers (id bigint PRIMARY KEY, body text NOT NULL);
                 INSERT INTO papers SELECT n, 'paper ' || n FROM generate_series({first}, {last}) n"
            ))
            .await;
    }
}
