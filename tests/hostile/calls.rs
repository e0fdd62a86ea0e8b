//! What a tenant could try with the functions that it may call, knowing all that is secret of another tenant's job. Shared by the
//! ledger's conformance test and the hostile program.

use uuid::Uuid;

/// Another tenant's job, as only its own workers know it.
#[derive(Clone, Debug)]
pub(crate) struct Victim {
    /// Its number in the ledger.
    pub(crate) job: i64,
    /// One of its keys.
    pub(crate) key: i64,
    /// The key's leases so far.
    pub(crate) epoch: i64,
    /// The key's present lease.
    pub(crate) lease: Uuid,
    /// The plans of its table so far, and the present planner's lease.
    pub(crate) plan: (i64, Uuid),
    /// A key-encryption key that is registered already.
    pub(crate) kek: String,
}

/// A function's name, and calls of it.
type Calls = Vec<(&'static str, Vec<String>)>;

/// Calls of every function that a tenant may call. `own` is the attacker's namespace.
pub(crate) fn calls(victim: &Victim, own: &str) -> Calls {
    [of_keys(victim), of_batches(victim), of_plans(victim), of_following(victim), of_logins(victim, own)].concat()
}

fn of_keys(victim: &Victim) -> Calls {
    let Victim { job: n, key, epoch, lease: id, .. } = victim;
    let (of_lease, other) = (format!("{key}, {epoch}, '{id}'"), Uuid::new_v4());
    vec![
        (
            "take_lease",
            vec![
                format!("SELECT * FROM vaultstream.take_lease({n}, {key}, '{other}', '1 h') WHERE outcome <> 'gone'"),
                format!(
                    "SELECT t.* FROM generate_series(1, 20) g, vaultstream.take_lease({n}, g, '{other}', '1 h') t \
                      WHERE t.outcome <> 'gone'"
                ),
            ],
        ),
        (
            "lease_key",
            vec![format!(
                "SELECT t.* FROM generate_series(1, 20) g, vaultstream.lease_key({n}, g, '{other}', '1 h') t \
                  WHERE t.outcome <> 'gone'"
            )],
        ),
        ("data_key_of", vec![format!("SELECT FROM vaultstream.data_key_of({n}) WHERE state <> 'none'")]),
        (
            "store_data_key",
            vec![format!("SELECT FROM vaultstream.store_data_key({n}, 'w', 'kek', 9) WHERE outcome <> 'over'")],
        ),
        (
            "store_key_with_origin",
            vec![format!("SELECT WHERE vaultstream.store_key_with_origin({of_lease}, 'p', 'w', 'o') <> 'lost'")],
        ),
        (
            "pairs_for_receipt",
            vec![format!(
                "SELECT * FROM vaultstream.pairs_for_receipt({n}, {key} || ARRAY(SELECT generate_series(1::bigint, 20)))"
            )],
        ),
        ("store_key", vec![format!("SELECT WHERE vaultstream.store_key({of_lease}, 'p', 'w') <> 'lost'")]),
        ("release_lease", vec![format!("SELECT WHERE vaultstream.release_lease({of_lease})")]),
        ("retire_key", vec![format!("SELECT WHERE vaultstream.retire_key({of_lease})")]),
        (
            "store_material",
            vec![format!("SELECT WHERE vaultstream.store_material({of_lease}, 'p', 'w', 'kek', 9) <> 'lost'")],
        ),
        ("set_key_aside", vec![format!("SELECT WHERE vaultstream.set_key_aside({of_lease}, 'why')")]),
        ("end_expired", vec![format!("SELECT WHERE vaultstream.end_expired({n}) > 0")]),
    ]
}

fn of_batches(victim: &Victim) -> Calls {
    let Victim { job: n, key, epoch, lease: id, .. } = victim;
    let of_lease = format!("{key}, {epoch}, '{id}'");
    let (ones, roots) = ("'{10}'::bigint[]", format!("ARRAY['\\x{}'::bytea]", "00".repeat(32)));
    let no_rejects = "'{}'::bigint[], '{}'::text[], '{}'::text[], '{}'::int[]";
    let finish = format!(
        "SELECT vaultstream.finish_unit({n}, '{{1}}', {ones}, {ones}, '{{0}}', {roots}, {no_rejects}, {key}, '{id}', true)"
    );
    let finish_sealed = format!(
        "SELECT vaultstream.finish_sealed_unit({n}, '{{1}}', {ones}, {ones}, '{{0}}', {roots}, {roots}, NULL, {no_rejects}, {key}, '{id}', true)"
    );
    vec![
        (
            "fence_unit",
            vec![format!(
                "SELECT vaultstream.fence_unit({n}, '{{1}}', '{{11}}', '{{20}}', {key}, {epoch}, '{id}', 10)"
            )],
        ),
        ("finish_unit", vec![finish]),
        ("finish_sealed_unit", vec![finish_sealed]),
        ("split_batch", vec![format!("SELECT vaultstream.split_batch({n}, 2, 25, 4)")]),
        ("count_attempt", vec![format!("SELECT * FROM vaultstream.count_attempt({n}, '{{1,2}}', 'why')")]),
        (
            "store_receipt",
            vec![format!(
                "SELECT WHERE vaultstream.store_receipt({n}, {of_lease}, 'receipt', '\\x{}'::bytea, 'native')",
                "00".repeat(32)
            )],
        ),
        (
            "request_certificate",
            vec![format!(
                "SELECT WHERE vaultstream.request_certificate({n}, {of_lease}, '\\x{}'::bytea, '\\x{}'::bytea, '\\x{}'::bytea)",
                "00".repeat(8),
                "00".repeat(64),
                "00".repeat(32)
            )],
        ),
        // The outer condition hides the row that a call without a result has; the call itself is made.
        (
            "signs_with",
            vec![format!(
                "SELECT FROM (SELECT vaultstream.signs_with({n}, 'reference') OFFSET 0) s WHERE random() < 0"
            )],
        ),
        ("report_fault", vec![format!("SELECT WHERE vaultstream.report_fault({of_lease}, 'WrongSignature', 'why')")]),
        ("report_withdrawal", vec![format!("SELECT WHERE vaultstream.report_withdrawal({of_lease}, 'native', 'why')")]),
    ]
}

fn of_plans(victim: &Victim) -> Calls {
    let (n, other, (epoch, plan)) = (victim.job, Uuid::new_v4(), victim.plan);
    let of_plan = format!("{n}, {epoch}, '{plan}'");
    vec![
        ("begin_plan", vec![format!("SELECT FROM vaultstream.begin_plan({n}, '{other}') WHERE outcome <> 'over'")]),
        (
            "plan_batches",
            vec![format!(
                "SELECT WHERE vaultstream.plan_batches({of_plan}, NULL, '{{10}}', '{{10}}', 10, true, 'text', 1, 1, false) <> 'lost'"
            )],
        ),
        (
            "claim_rows",
            vec![format!(
                "SELECT WHERE vaultstream.claim_rows({of_plan}, 0, 1, '{{k}}', '{{uuid}}', 'range') <> 'lost'"
            )],
        ),
        (
            "plan_rows",
            vec![format!("SELECT WHERE vaultstream.plan_rows({of_plan}, 0, 1, true, 'text', 1, 1, false) <> 'lost'")],
        ),
        // The outer condition hides the row that a call without a result has; the call itself is made.
        (
            "note_key",
            vec![format!(
                "SELECT FROM (SELECT vaultstream.note_key({of_plan}, 'k', 'int8') OFFSET 0) s WHERE random() < 0"
            )],
        ),
        ("release_plan", vec![format!("SELECT WHERE vaultstream.release_plan({of_plan})")]),
        ("report_source", vec![format!("SELECT WHERE vaultstream.report_source({n}, 'SourceUnusable', 'why', false)")]),
    ]
}

fn of_following(victim: &Victim) -> Calls {
    let Victim { job: n, key, epoch, lease: id, .. } = victim;
    let (other, of_plan) = (Uuid::new_v4(), format!("{n}, {}, '{}'", victim.plan.0, victim.plan.1));
    let root = format!("'\\x{}'::bytea", "00".repeat(32));
    let planned = |scan: &str, arrivals: &str| {
        format!(
            "SELECT FROM vaultstream.plan_arrivals({of_plan}, '{{\"(,1)\"}}', '1 s', '0 s', {arrivals}, true, 0, NULL, {scan}, NULL) \
              WHERE outcome <> 'lost'"
        )
    };
    vec![
        ("begin_follow", vec![format!("SELECT FROM vaultstream.begin_follow({n}, '{other}') WHERE outcome <> 'over'")]),
        ("plan_arrivals", vec![planned("NULL", "1"), planned("'begin'", "NULL")]),
        ("close_part", vec![format!("SELECT WHERE vaultstream.close_part({n}) <> 'lost'")]),
        // The outer condition hides the row that a call without a result has; the call itself is made.
        (
            "note_arrivals",
            vec![format!(
                "SELECT FROM (SELECT vaultstream.note_arrivals({of_plan}, 1::oid) OFFSET 0) s WHERE random() < 0"
            )],
        ),
        (
            "store_checkpoint",
            vec![format!(
                "SELECT WHERE vaultstream.store_checkpoint({n}, {key}, {epoch}, '{id}', NULL, 'checkpoint', 1, 1, {root}, '{{}}', 'state', 'native')"
            )],
        ),
    ]
}

fn of_logins(victim: &Victim, own: &str) -> Calls {
    let kek = &victim.kek;
    vec![
        (
            "give_verdict",
            vec![format!("SELECT WHERE vaultstream.give_verdict({}, true, 'full', 1, '', '1')", victim.job)],
        ),
        ("register_kek", vec![format!("SELECT WHERE vaultstream.register_kek('{kek}', 'mine') = 'mine'")]),
        ("kek_canary", vec!["SELECT WHERE vaultstream.kek_canary('of another') IS NOT NULL".to_owned()]),
        ("tenant_of_login", vec![format!("SELECT * FROM vaultstream.tenant_of_login() WHERE namespace <> '{own}'")]),
        ("sees_all", vec!["SELECT WHERE vaultstream.sees_all()".to_owned()]),
        ("works_on_all", vec!["SELECT WHERE vaultstream.works_on_all()".to_owned()]),
    ]
}
