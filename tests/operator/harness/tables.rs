//! A table to be signed.

use std::ops::RangeInclusive;

use super::place::Place;
use super::site::until;

impl Place {
    /// Creates the table `papers (id, body)`, which workers may read, with a row for each of `ids`. An operator has to run: it
    /// creates the role that reads tables.
    #[allow(dead_code, reason = "shared with the other suites, which sign no table")]
    pub(crate) async fn create_papers(&self, ids: RangeInclusive<u32>) {
        until("the role that reads tables exists", || async {
            self.site.number_or_zero("SELECT count(*) FROM pg_roles WHERE rolname = 'vaultstream_source'").await == 1
        })
        .await;
        let (first, last) = ids.into_inner();
        self.site
            .execute(&format!(
                "CREATE TABLE papers (id bigint PRIMARY KEY, body text NOT NULL);
                 INSERT INTO papers SELECT n, 'paper ' || n FROM generate_series({first}, {last}) n;
                 GRANT SELECT ON papers TO vaultstream_source"
            ))
            .await;
    }
}
