//! Names and literals as SQL writes them, and the names of a job's partitions.

use crate::ids::JobId;

/// The partition with the generated records of a job.
pub(crate) fn records_partition(job: JobId) -> String {
    format!("vaultstream.records_{job}")
}

/// The partition with the signatures of a job.
pub(crate) fn signatures_partition(job: JobId) -> String {
    format!("vaultstream.signatures_{job}")
}

/// The table with the keys of the rows of a job whose ids are ordinals.
pub(crate) fn rows_table(job: JobId) -> String {
    format!("vaultstream.rows_{job}")
}

/// Schemas of which no job may read a table.
pub(crate) fn is_reserved(schema: &str) -> bool {
    let lower = schema.to_ascii_lowercase();
    lower == "vaultstream" || lower == "information_schema" || lower.starts_with("pg_")
}

/// An identifier as SQL writes it.
pub(crate) fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// A bigint that the parser takes for one, the least of all included.
pub(crate) fn literal(value: i64) -> String {
    format!("'{value}'::bigint")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_written_so_that_sql_reads_them_back() {
        assert_eq!(quoted("id"), "\"id\"");
        assert_eq!(quoted("a\"; DROP TABLE x; --"), "\"a\"\"; DROP TABLE x; --\"");
        assert_eq!(literal(i64::MIN), "'-9223372036854775808'::bigint");
        assert_eq!(records_partition(JobId(12)), "vaultstream.records_12");
        assert_eq!(signatures_partition(JobId(12)), "vaultstream.signatures_12");
    }

    #[test]
    fn tables_of_the_system_and_of_the_ledger_are_reserved() {
        for schema in ["vaultstream", "VaultStream", "information_schema", "pg_catalog", "pg_toast", "PG_x"] {
            assert!(is_reserved(schema), "{schema}");
        }
        for schema in ["public", "vaultstream2", "page"] {
            assert!(!is_reserved(schema), "{schema}");
        }
    }
}
