//! The settings of every session, sent once: no setting of the role, the database or the server may end a job that could
//! continue, change what is signed, or let a confirmed commit be lost.
//!
//! Poolers lend sessions to other clients. Nothing here is sent before it is known that ours are our own; see
//! [`pooling`](super::pooling).

use std::fmt::Write as _;

/// Settings of every supported version of Postgres, and our values.
const ALWAYS: [(&str, &str); 37] = [
    // First: no limit cuts off the rest. Long statements are meant to be long; only waits for locks are limited.
    ("statement_timeout", "0"),
    ("lock_timeout", "2s"),
    ("idle_session_timeout", "0"),
    ("idle_in_transaction_session_timeout", "60s"),
    ("exit_on_error", "off"),
    // What a statement means.
    ("quote_all_identifiers", "off"),
    ("search_path", "pg_catalog, pg_temp"),
    ("standard_conforming_strings", "on"),
    ("transform_null_equals", "off"),
    // An error instead of missing rows.
    ("row_security", "off"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
    ("default_transaction_deferrable", "off"),
    ("default_table_access_method", "heap"),
    // How values are written.
    ("client_encoding", "UTF8"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    // The one zone that a server knows without a database of zones: images of Postgres may lack it.
    ("TimeZone", "GMT"),
    ("xmlbinary", "base64"),
    ("client_min_messages", "notice"),
    // Plans: rows come in the order of an index, by one process, and no statement reads a whole table for a few rows.
    ("jit", "off"),
    ("max_parallel_workers_per_gather", "0"),
    ("synchronize_seqscans", "off"),
    ("plan_cache_mode", "auto"),
    ("cursor_tuple_fraction", "0.1"),
    ("constraint_exclusion", "partition"),
    ("enable_partition_pruning", "on"),
    ("enable_indexscan", "on"),
    ("enable_indexonlyscan", "on"),
    ("enable_nestloop", "on"),
    ("enable_hashagg", "on"),
    ("enable_hashjoin", "on"),
    ("enable_mergejoin", "on"),
    ("enable_sort", "on"),
    ("enable_seqscan", "on"),
];

/// Settings that depend on the server: SQL expressions that set them. What only an administrator may change is changed only
/// where it is wrong; then the server's error names it.
const DEPENDING: [&str; 5] = [
    // Since Postgres 17.
    "CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL \
     THEN set_config('transaction_timeout', '0', false) END",
    // A confirmed commit survives a crash; `remote_apply` is stricter and stays.
    "CASE WHEN current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') \
     THEN set_config('synchronous_commit', 'on', false) END",
    "CASE WHEN current_setting('session_replication_role') <> 'origin' \
     THEN set_config('session_replication_role', 'origin', false) END",
    "CASE WHEN pg_size_bytes(current_setting('work_mem')) < 4194304 THEN set_config('work_mem', '4MB', false) END",
    // Since Postgres 14, where the system supports it: a statement whose client is gone ends within half a second, such as the seeding
    // of a job that is suspended, or the index of a stopped run.
    "CASE WHEN current_setting('client_connection_check_interval', true) IS NOT NULL AND version() LIKE '%linux%' \
     THEN set_config('client_connection_check_interval', '500', false) END",
];

/// All of it, in one round trip.
pub(crate) fn statements() -> String {
    let mut sql = String::new();
    for (name, value) in ALWAYS {
        // Infallible: it is a String.
        let _ = write!(sql, "SET {name} = {}; ", literal(name, value));
    }
    let _ = write!(sql, "SELECT {}", DEPENDING.join(", "));
    sql
}

/// Undoes whatever a session did, and sets all of it again, in one round trip. What runs with the session's search_path comes after that was
/// set, whatever the login's own is.
pub(crate) fn reset() -> String {
    format!(
        "SET SESSION AUTHORIZATION DEFAULT; RESET ROLE; RESET ALL; CLOSE ALL; DEALLOCATE ALL; UNLISTEN *; DISCARD PLANS; \
         DISCARD SEQUENCES; DISCARD TEMP; {}; SELECT pg_catalog.pg_advisory_unlock_all()",
        statements()
    )
}

/// Lists keep their commas; everything else is quoted.
fn literal(name: &str, value: &str) -> String {
    if matches!(name, "search_path" | "DateStyle") { value.to_owned() } else { format!("'{value}'") }
}
