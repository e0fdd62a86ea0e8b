//! Everything that the catalog of the ledger has: each relation, each column, each function.

use crate::calls::{Victim, calls};
use crate::database::{Database, Forbidden};
use crate::report::Report;

/// Relations that every tenant may read. They say nothing of any tenant.
const PUBLIC: [&str; 2] = ["meta", "schema_history"];

/// Who attacks, as the ledger says.
pub(crate) struct Own {
    pub(crate) cluster: String,
    pub(crate) namespace: String,
    /// The numbers of its jobs.
    jobs: Vec<String>,
    /// The views of their signatures.
    views: Vec<String>,
}

impl Own {
    pub(crate) async fn read(database: &Database) -> Self {
        let tenant = database.rows("SELECT cluster, namespace FROM vaultstream.tenant_of_login()").await;
        let [cluster, namespace] = tenant.first().expect("a tenant's login").as_slice() else { unreachable!() };
        let jobs = database.rows("SELECT id FROM vaultstream.tenant_jobs").await.concat();
        let views = "SELECT signed_view FROM vaultstream.tenant_jobs WHERE signed_view IS NOT NULL";
        let views = database.rows(views).await.concat();
        Self { cluster: cluster.clone(), namespace: namespace.clone(), jobs, views }
    }

    /// Whether a relation has the records or the signatures of one of its own jobs.
    fn has(&self, relation: &str) -> bool {
        let number = ["records_", "signatures_", "rows_"].iter().find_map(|kind| relation.strip_prefix(kind));
        number.is_some_and(|number| self.jobs.iter().any(|job| job == number))
            || self.views.iter().any(|view| view == relation)
    }
}

/// Tries each relation with its columns, and each sequence.
pub(crate) async fn relations(database: &Database, report: &mut Report, own: &Own, victim: &Victim, namespace: &str) {
    let all = "SELECT c.relname, c.relkind, string_agg(quote_ident(a.attname), ',' ORDER BY a.attnum) \
                 FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
                 JOIN pg_namespace n ON n.oid = c.relnamespace \
                WHERE n.nspname = 'vaultstream' AND c.relkind IN ('r', 'p', 'v', 'm', 'S') GROUP BY 1, 2 ORDER BY 1";
    for row in database.rows(all).await {
        let [name, kind, columns] = row.as_slice() else { unreachable!() };
        let relation = format!("vaultstream.{name}");
        let columns: Vec<&str> = columns.split(',').collect();
        match kind.as_str() {
            "S" => sequence(database, report, &relation).await,
            _ if own.has(name) => report.own(relation),
            _ => {
                if PUBLIC.contains(&name.as_str()) {
                    report.own(format_args!("{relation}, which says nothing of any tenant"));
                } else if name.starts_with("tenant_") {
                    foreign_rows(database, report, &relation, &columns, victim, namespace).await;
                } else {
                    read(database, report, &relation, &columns).await;
                }
                write(database, report, &relation, &columns).await;
            }
        }
    }
    let (job, key) = (victim.job, victim.key);
    let insert =
        format!("INSERT INTO vaultstream.signatures_{job} (record_id, key_id, signature) VALUES (1, {key}, 's')");
    database.attempt(report, &insert, Forbidden::Success).await;
}

async fn sequence(database: &Database, report: &mut Report, sequence: &str) {
    for sql in [
        format!("SELECT nextval('{sequence}')"),
        format!("SELECT setval('{sequence}', 1)"),
        format!("SELECT last_value FROM {sequence}"),
    ] {
        database.attempt(report, &sql, Forbidden::Success).await;
    }
}

/// A view that shows each tenant its own rows.
async fn foreign_rows(
    database: &Database,
    report: &mut Report,
    view: &str,
    columns: &[&str],
    victim: &Victim,
    namespace: &str,
) {
    let job = if columns.contains(&"job_id") { "job_id" } else { "id" };
    let mut foreign = vec![format!("{job} = {}", victim.job)];
    if columns.contains(&"namespace") {
        foreign.push(format!("namespace = '{namespace}'"));
    }
    for condition in foreign {
        let sql = format!("SELECT * FROM {view} WHERE {condition}");
        database.attempt(report, &sql, Forbidden::Rows).await;
        // An operator of the attacker's own must not see rows before the view's condition has.
        let sql = format!(
            "SELECT * FROM {view} WHERE pg_catalog.length(pg_catalog.repeat({job}::text, 2)) > 0 AND {condition}"
        );
        database.attempt(report, &sql, Forbidden::Rows).await;
    }
}

async fn read(database: &Database, report: &mut Report, relation: &str, columns: &[&str]) {
    database.attempt(report, &format!("SELECT count(*) FROM {relation}"), Forbidden::Success).await;
    for column in columns {
        database.attempt(report, &format!("SELECT {column} FROM {relation} LIMIT 1"), Forbidden::Success).await;
    }
    database.attempt(report, &format!("GRANT ALL ON {relation} TO CURRENT_USER"), Forbidden::Success).await;
    database.attempt_copy(report, relation).await;
}

/// Rights are checked before the condition is: a statement that is allowed changes nothing all the same.
async fn write(database: &Database, report: &mut Report, relation: &str, columns: &[&str]) {
    for column in columns {
        for sql in [
            format!("UPDATE {relation} SET {column} = NULL WHERE false"),
            format!("INSERT INTO {relation} ({column}) SELECT NULL WHERE false"),
        ] {
            database.attempt(report, &sql, Forbidden::Success).await;
        }
    }
    for sql in [
        format!("DELETE FROM {relation} WHERE false"),
        format!("SELECT 1 FROM {relation} FOR UPDATE"),
        format!("TRUNCATE {relation}"),
        format!("LOCK TABLE {relation} IN EXCLUSIVE MODE NOWAIT"),
        format!("DROP TABLE {relation}"),
        format!("ALTER TABLE {relation} ADD COLUMN hostile int"),
        format!("ALTER TABLE {relation} OWNER TO CURRENT_USER"),
        format!("CREATE INDEX ON {relation} ((1))"),
        format!("CREATE RULE hostile AS ON INSERT TO {relation} DO INSTEAD NOTHING"),
    ] {
        database.attempt(report, &sql, Forbidden::Success).await;
    }
}

/// Calls each function: those that a tenant may call with the victim's numbers, every other one all the same.
pub(crate) async fn functions(database: &Database, report: &mut Report, own: &Own, victim: &Victim) {
    let calls = calls(victim, &own.namespace);
    let all = "SELECT p.proname, coalesce(string_agg('NULL::' || format_type(t.type, NULL), ', ' ORDER BY t.at), ''), \
                      has_function_privilege(p.oid, 'EXECUTE') \
                 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
                 LEFT JOIN LATERAL unnest(p.proargtypes::oid[]) WITH ORDINALITY AS t (type, at) ON true \
                WHERE n.nspname = 'vaultstream' GROUP BY p.oid, p.proname ORDER BY 1";
    for row in database.rows(all).await {
        let [name, nulls, callable] = row.as_slice() else { unreachable!() };
        let known = calls.iter().find(|(function, _)| function == name);
        match known {
            _ if callable != "t" => {
                let sql = format!("SELECT vaultstream.{name}({nulls})");
                database.attempt(report, &sql, Forbidden::Success).await;
            }
            Some((_, calls)) => {
                for call in calls {
                    database.attempt(report, call, Forbidden::Rows).await;
                }
            }
            None => {
                report.found(format_args!("vaultstream.{name}"), "may be called, and this program does not know how")
            }
        }
    }
}
