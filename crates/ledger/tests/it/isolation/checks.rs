//! Each function that a worker's login may call asks itself whether the job is that login's. Without that check another tenant's call
//! has to be noticed, or nobody would notice when it is forgotten.

use std::collections::BTreeSet;

use tokio_postgres::Client;
use uuid::Uuid;
use vaultstream_ledger::Job;
use vaultstream_ledger::following::{self, Followed};
use vaultstream_ledger::leases::{self, LeaseOutcome};
use vaultstream_ledger::planning::{self, Begun};
use vaultstream_ledger::steps::{self, Finish, Step};

use crate::calls::{Victim, calls};
use crate::contents::contents;
use crate::following::{FollowedJob, begun, to_be_planned};
use crate::row_keys;
use crate::stage::{MINUTE, Stage, generated, segment};
use crate::tenants::{Login, victim};

/// What only the workers of this job know.
async fn known(stage: &Stage, job: &Job) -> Victim {
    let sql = "SELECT k.id, k.epoch, k.holder, j.plan_epoch, coalesce(j.plan_lease, gen_random_uuid()) AS plan \
               FROM vaultstream.jobs j JOIN vaultstream.keys k ON k.job_id = j.id \
              WHERE j.id = $1 ORDER BY k.holder IS NULL, k.ordinal LIMIT 1";
    let row = stage.sql().await.query_one(sql, &[&job.id.0]).await.unwrap();
    Victim {
        job: job.id.0,
        key: row.get("id"),
        epoch: row.get("epoch"),
        lease: row.get::<_, Option<Uuid>>("holder").unwrap_or_default(),
        plan: (row.get("plan_epoch"), row.get("plan")),
        kek: "kek".to_owned(),
    }
}

/// The key that signs receipts and checkpoints is leased.
async fn lease_receipt_key(stage: &Stage, job: &Job) {
    let key = steps::receipt_key(&stage.ledger, job.id).await.unwrap().unwrap();
    stage.lease(job, key, MINUTE).await;
}

/// A job with a leased key that nobody has made yet.
async fn without_a_key(stage: &Stage) -> Job {
    let job = stage.signing(generated(10, 10, 1)).await;
    let key = stage.keys(&job).await[0];
    let leased = leases::take(&stage.ledger, job.id, key, MINUTE).await.unwrap();
    assert!(matches!(leased, LeaseOutcome::Granted(_)));
    job
}

/// A job that is signed, and waits for its receipt.
async fn finishing(stage: &Stage) -> Job {
    let job = stage.signing(generated(20, 10, 1)).await;
    let lease = stage.first_lease(&job).await;
    let all: Vec<_> = stage.ranges(&job).await.iter().map(|range| segment(range, lease.key)).collect();
    stage.commit(&job, &lease, &all).await;
    assert_eq!(steps::begin_finish(&stage.ledger, job.id).await.unwrap(), Step::Done(Finish::Ready));
    lease_receipt_key(stage, &job).await;
    job
}

/// A job over a table with an integer key that its spec does not name, and a worker that plans it.
async fn being_planned(stage: &Stage) -> Job {
    let table = "CREATE TABLE letters (id bigint PRIMARY KEY, body text); INSERT INTO letters VALUES (1, 'letter')";
    stage.sql().await.batch_execute(table).await.unwrap();
    let job = stage.pending(row_keys::of("letters", &[], 10)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    let begun = planning::begin(&stage.ledger, job.id, Uuid::new_v4()).await.unwrap();
    assert!(matches!(begun, Begun::Plan(_)));
    job
}

/// A session of a worker whose lease has run out.
async fn session_of_an_expired_lease(stage: &Stage, lease: Uuid) -> Client {
    let sql = stage.sql().await;
    let expired = format!(
        "UPDATE vaultstream.keys SET lease_until = now() - interval '1 s' WHERE holder = '{lease}'; SET application_name = 'vs:{lease}'"
    );
    sql.batch_execute(&expired).await.unwrap();
    sql
}

/// A job that follows its table, with a batch that is signed, and a worker that plans.
async fn following() -> FollowedJob {
    let followed = begun().await;
    let FollowedJob { stage, job, .. } = &followed;
    let lease = stage.first_lease(job).await;
    stage.commit(job, &lease, &[segment(&stage.ranges(job).await[0], lease.key)]).await;
    lease_receipt_key(stage, job).await;
    let begun = following::begin(&stage.ledger, job.id, Uuid::new_v4()).await.unwrap();
    assert!(matches!(begun, Followed::Plan(_)));
    followed
}

/// Functions whose check, once taken out, is missed by none of these calls.
async fn missed(owner: &Client, login: &Login, victim: &Victim) -> BTreeSet<String> {
    let checked = "SELECT proname::text, regexp_replace(pg_get_functiondef(oid), 'vaultstream\\.works_on\\([^()]*\\)', 'true', 'g') \
         FROM pg_proc WHERE pronamespace = 'vaultstream'::regnamespace AND prosrc ~ 'vaultstream\\.works_on\\(' \
           AND has_function_privilege($1, oid, 'EXECUTE')";
    let before = contents(owner).await;
    let mut missed = BTreeSet::new();
    for row in owner.query(checked, &[&login.role]).await.unwrap() {
        let (name, without): (String, String) = (row.get(0), row.get(1));
        let attacks = calls(victim, "other").into_iter().filter(|(function, _)| *function == name);
        let mut is_noticed = false;
        for call in attacks.flat_map(|(_, calls)| calls) {
            let attack = format!("BEGIN; {without}; SET SESSION AUTHORIZATION {}; SAVEPOINT attack", login.role);
            owner.batch_execute(&attack).await.unwrap();
            match owner.query(&call, &[]).await {
                Ok(rows) => is_noticed |= !rows.is_empty(),
                Err(_) => owner.batch_execute("ROLLBACK TO attack").await.unwrap(),
            }
            owner.batch_execute("RESET SESSION AUTHORIZATION").await.unwrap();
            is_noticed |= contents(owner).await != before;
            owner.batch_execute("ROLLBACK").await.unwrap();
        }
        if !is_noticed {
            missed.insert(name);
        }
    }
    missed
}

#[tokio::test]
async fn no_function_could_forget_to_ask_whose_the_job_is_without_being_noticed() {
    let stage = Stage::new().await;
    let (owner, login) = (stage.sql().await, Login::of(&stage, "other").await);
    let (job, lease) = victim(&stage).await;
    let in_each_state = async |job: &Job| missed(&owner, &login, &known(&stage, job).await).await;
    let signing = in_each_state(&job).await;
    let session = session_of_an_expired_lease(&stage, lease.id).await;
    let expired = in_each_state(&job).await;
    drop(session);
    let without_a_key = in_each_state(&without_a_key(&stage).await).await;
    let finishing = in_each_state(&finishing(&stage).await).await;
    let planned = in_each_state(&being_planned(&stage).await).await;

    let (early, _) = to_be_planned().await;
    let followed = following().await;
    let mut of_followed = Vec::new();
    for FollowedJob { stage, sql, job } in [&early, &followed] {
        let login = Login::of(stage, "other").await;
        of_followed.push(missed(sql, &login, &known(stage, job).await).await);
    }

    assert!(signing.len() > 5, "most functions need a job in another state: {signing:?}");
    let mut nowhere = signing;
    for elsewhere in [expired, without_a_key, finishing, planned].into_iter().chain(of_followed) {
        nowhere.retain(|name| elsewhere.contains(name));
    }
    assert_eq!(nowhere, BTreeSet::new());
}
