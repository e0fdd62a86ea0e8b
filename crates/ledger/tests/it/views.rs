//! The views of signatures for people.

use vaultstream_api::{Key, Retention, SigningJobSpec};
use vaultstream_ledger::steps::{self, Deleted, Step};
use vaultstream_ledger::{Job, Ledger, NewJob, jobs};
use vaultstream_signing::PrivateKey;

use crate::stage::{Stage, generated, of_table, url_as};

/// A job of this name that is provisioned.
async fn provisioned(stage: &Stage, cluster: &str, name: &str, spec: SigningJobSpec) -> Job {
    let new = NewJob {
        uid: uuid::Uuid::new_v4(),
        cluster: cluster.to_owned(),
        namespace: "team-a".to_owned(),
        name: name.to_owned(),
        spec,
        generation: 1,
    };
    let job = jobs::ensure(&stage.ledger, &new).await.unwrap().job;
    assert_eq!(steps::provision(&stage.ledger, job.id).await.unwrap(), Step::Done(()));
    stage.job(job.id).await
}

async fn delete(ledger: &Ledger, job: &Job) {
    loop {
        match steps::delete(ledger, job.id, &job.spec.deletion_policy).await.unwrap() {
            Step::Done(Deleted::Done) => return,
            Step::Done(Deleted::More) | Step::Busy => {}
            other => panic!("{other:?}"),
        }
    }
}

fn view(job: &Job) -> &str {
    job.signed_view.as_deref().unwrap()
}

#[tokio::test]
async fn a_view_shows_each_signature_with_its_row_key_and_batch() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    let mut spec = of_table("orders", 10);
    spec.keys.count = 2;
    let job = provisioned(&stage, "test", "orders", spec).await;
    assert_eq!(view(&job), "signed_team-a_orders");
    let key = PrivateKey::generate().unwrap().public();
    let id = job.id.0;
    sql.execute(
        "UPDATE vaultstream.keys SET public_key = $1, wrapped_key = '', kek_id = NULL WHERE job_id = $2 AND ordinal = 1",
        &[&key.spki_der().as_slice(), &id],
    )
    .await
    .unwrap_or_else(|error| panic!("{error:?}"));
    // The second batch was split: its second half is batch 7.
    sql.batch_execute(&format!(
        "INSERT INTO vaultstream.batches (job_id, batch, first_id, last_id, rows_planned) \
           VALUES ({id}, 0, -9223372036854775808, 10, 2), ({id}, 1, 11, 20, 1), ({id}, 7, 21, 30, 1);
         INSERT INTO vaultstream.signatures_{id} (record_id, key_id, signature, digest) \
         SELECT n, (SELECT id FROM vaultstream.keys WHERE job_id = {id} AND ordinal = 1), '\\x01', '\\x02' \
           FROM unnest('{{-5, 10, 11, 20, 21}}'::bigint[]) n"
    ))
    .await
    .unwrap();
    let rows = sql.query("SELECT * FROM vaultstream.\"signed_team-a_orders\" ORDER BY id", &[]).await.unwrap();
    let names: Vec<&str> = rows[0].columns().iter().map(|column| column.name()).collect();
    assert_eq!(names, ["id", "signature", "key_id", "batch", "signed_at", "digest"]);
    let found: Vec<(i64, i64)> = rows.iter().map(|row| (row.get("id"), row.get("batch"))).collect();
    assert_eq!(found, [(-5, 0), (10, 0), (11, 1), (20, 1), (21, 7)]);
    let thumbprint = key.thumbprint().to_string();
    assert!(rows.iter().all(|row| row.get::<_, String>("key_id") == thumbprint), "{rows:?}");
    // By the index, whatever the planner thinks of a table without statistics.
    let plan = sql.query("EXPLAIN SELECT * FROM vaultstream.\"signed_team-a_orders\"", &[]).await.unwrap();
    let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
    assert!(plan.join("\n").contains("batches_by_first_id"), "{plan:#?}");
}

#[tokio::test]
async fn a_key_column_with_the_name_of_another_column_of_the_view_gives_way() {
    let stage = Stage::new().await;
    let mut spec = of_table("orders", 10);
    if let vaultstream_api::Source::Table(table) = &mut spec.source {
        table.key = Key::Column("Order \"No\"".to_owned());
    }
    let odd = provisioned(&stage, "test", "odd", spec.clone()).await;
    if let vaultstream_api::Source::Table(table) = &mut spec.source {
        table.key = Key::Column("batch".to_owned());
    }
    let taken = provisioned(&stage, "test", "taken", spec).await;
    let sql = stage.sql().await;
    let first = async |job: &Job| {
        let rows = sql.prepare(&format!("SELECT * FROM vaultstream.\"{}\"", view(job))).await.unwrap();
        rows.columns()[0].name().to_owned()
    };
    assert_eq!((first(&odd).await, first(&taken).await), ("Order \"No\"".to_owned(), "record_id".to_owned()));
}

#[tokio::test]
async fn a_view_goes_with_its_signatures_and_its_name_goes_to_the_next_job() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    let exists = async |name: &str| {
        sql.query_one("SELECT to_regclass('vaultstream.' || quote_ident($1::text)) IS NOT NULL", &[&name])
            .await
            .unwrap()
            .get::<_, bool>(0)
    };
    let of = |signatures| {
        let mut spec = generated(10, 1, 1);
        spec.deletion_policy.signatures = signatures;
        spec
    };
    let keeping = of(Retention::Retain);
    let first = provisioned(&stage, "test", "again", keeping.clone()).await;
    assert_eq!(view(&first), "signed_team-a_again");
    // Another cluster's job of this name lives at the same time.
    let other = provisioned(&stage, "other", "again", of(Retention::Delete)).await;
    assert_eq!(view(&other), format!("signed_team-a_again_{}", other.id));
    delete(&stage.ledger, &other).await;
    assert!(!exists(view(&other)).await && stage.job(other.id).await.signed_view.is_none());

    // The signatures are kept, and their view has the name until the next job takes it.
    delete(&stage.ledger, &first).await;
    assert_eq!(view(&stage.job(first.id).await), "signed_team-a_again");
    let foreign = provisioned(&stage, "other", "again", keeping.clone()).await;
    assert_eq!(view(&foreign), format!("signed_team-a_again_{}", foreign.id));
    assert_eq!(
        view(&stage.job(first.id).await),
        "signed_team-a_again",
        "what is kept keeps its name from other clusters"
    );
    let second = provisioned(&stage, "test", "again", keeping.clone()).await;
    assert_eq!((view(&second), stage.job(first.id).await.signed_view), ("signed_team-a_again", None));

    // Somebody reads it.
    delete(&stage.ledger, &second).await;
    sql.batch_execute("BEGIN; SELECT * FROM vaultstream.\"signed_team-a_again\"").await.unwrap();
    let third = provisioned(&stage, "test", "again", keeping).await;
    assert_eq!(view(&third), format!("signed_team-a_again_{}", third.id));
    sql.batch_execute("COMMIT").await.unwrap();
    assert_eq!(view(&stage.job(second.id).await), "signed_team-a_again");

    // The name belongs to another relation, or is too long.
    sql.batch_execute("CREATE TABLE vaultstream.\"signed_team-a_mine\" ()").await.unwrap();
    let fourth = provisioned(&stage, "test", "mine", generated(10, 1, 1)).await;
    assert_eq!(view(&fourth), format!("signed_team-a_mine_{}", fourth.id));
    let long = provisioned(&stage, "test", &"x".repeat(60), generated(10, 1, 1)).await;
    assert!(view(&long).len() == 63 && view(&long).ends_with(&format!("x_{}", long.id)), "{}", view(&long));
}

#[tokio::test]
async fn a_view_is_read_by_its_tenant_and_by_auditors_and_by_nobody_else() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    let mark = format!("{:x}", uuid::Uuid::new_v4().as_u128());
    let [ours, theirs] = ["ours", "theirs"].map(|name| format!("{name}_{mark}"));
    for role in [&ours, &theirs] {
        sql.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    }
    let add = async |role: &str, namespace: &str| {
        sql.execute("SELECT vaultstream.add_tenant($1::text::name, 'test', $2)", &[&role, &namespace]).await.unwrap();
    };
    add(&theirs, "team-b").await;
    let before = provisioned(&stage, "test", "before", generated(10, 1, 1)).await;
    add(&ours, "team-a").await;
    let job = provisioned(&stage, "test", "mine", generated(10, 1, 1)).await;
    let may = async |role: &str, job: &Job| {
        let view = format!("vaultstream.\"{}\"", view(job));
        sql.query_one("SELECT has_table_privilege($1::text, $2::text, 'SELECT')", &[&role, &view])
            .await
            .unwrap()
            .get::<_, bool>(0)
    };
    let all = async || {
        let mut found = Vec::new();
        for job in [&before, &job] {
            for role in [&ours, "vaultstream_auditor", &theirs, "vaultstream_operator"] {
                found.push(may(role, job).await);
            }
        }
        found
    };
    let expected = [true, true, false, false].repeat(2);
    assert_eq!(all().await, expected);
    // Rights are made anew at each migration that changes them.
    sql.batch_execute(include_str!("../../../../migrations/grants.sql")).await.unwrap();
    assert_eq!(all().await, expected);
    // Who may read the view reads it with the rights of its owner: the tables below stay closed.
    sql.batch_execute(&format!("GRANT USAGE ON SCHEMA vaultstream TO {ours}")).await.unwrap();
    let (client, connection) =
        tokio_postgres::connect(&url_as(&stage.url, &ours), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("SELECT * FROM vaultstream.\"{}\"", view(&job))).await.unwrap();
    assert!(client.batch_execute("SELECT public_key FROM vaultstream.keys").await.is_err());
    for write in ["DELETE FROM", "INSERT INTO"] {
        let rest = if write == "INSERT INTO" { "DEFAULT VALUES" } else { "" };
        assert!(client.batch_execute(&format!("{write} vaultstream.\"{}\" {rest}", view(&job))).await.is_err());
    }
}
