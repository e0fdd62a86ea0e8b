//! What a ledger holds, to be compared. Shared by the ledger's tests and those of the whole.

use tokio_postgres::Client;

/// A hash of each table.
pub(crate) async fn contents(sql: &Client) -> Vec<(String, Option<String>)> {
    let tables = "SELECT c.oid::regclass::text FROM pg_class c WHERE relnamespace = 'vaultstream'::regnamespace AND relkind = 'r' \
          ORDER BY 1";
    let mut all = Vec::new();
    for row in sql.query(tables, &[]).await.unwrap() {
        let table: String = row.get(0);
        let hash = format!("SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t");
        all.push((table, sql.query_one(&hash, &[]).await.unwrap().get(0)));
    }
    all
}
