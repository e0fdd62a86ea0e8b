//! Prints who may do what in a ledger, from the catalog of one that is made for it, for `docs/reference/`.

use std::error::Error;

use tokio_postgres::{Client, NoTls};
use vaultstream_embedded::{Options, Servers};
use vaultstream_ledger::{ConnectOptions, Ledger, tenants};

/// A job that signs, and one that is being seeded, as far as rights go: their rows and partitions.
const JOBS: &str = "
    INSERT INTO vaultstream.jobs (uid, cluster, namespace, name, spec, state)
        VALUES (gen_random_uuid(), 'cluster', 'team-a', 'job', '{}', 'Signing'),
               (gen_random_uuid(), 'cluster', 'team-b', 'job', '{}', 'Seeding');
    CREATE TABLE vaultstream.signatures_1 (LIKE vaultstream.signatures);
    CREATE TABLE vaultstream.records_1 (LIKE vaultstream.records);
    CREATE TABLE vaultstream.records_2 (LIKE vaultstream.records);
    SELECT vaultstream.grant_partition('vaultstream.signatures_1', false);
    SELECT vaultstream.grant_partition('vaultstream.records_1', true);
    SELECT vaultstream.grant_partition('vaultstream.records_2', true)";

/// What a role may do that the owner is not: kind of object, name, rights, columns.
const RIGHTS: &str = "
    WITH granted AS (
        SELECT 'table or view' AS kind, relname::text AS name, relacl AS acl, NULL::text AS part
          FROM pg_class WHERE relnamespace = 'vaultstream'::regnamespace AND relkind IN ('r', 'p', 'v')
        UNION ALL SELECT 'table or view', relname, attacl, attname
          FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'vaultstream'::regnamespace
        UNION ALL SELECT 'sequence', relname, relacl, NULL FROM pg_class
         WHERE relnamespace = 'vaultstream'::regnamespace AND relkind = 'S'
        UNION ALL SELECT 'function', proname, coalesce(proacl, acldefault('f', proowner)), NULL
          FROM pg_proc WHERE pronamespace = 'vaultstream'::regnamespace
        UNION ALL SELECT 'schema', nspname, nspacl, NULL FROM pg_namespace WHERE nspname = 'vaultstream')
    SELECT kind, name, string_agg(DISTINCT privilege_type, ', ' ORDER BY privilege_type) AS rights,
           string_agg(DISTINCT part, ', ' ORDER BY part) AS columns
      FROM granted, aclexplode(acl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
     WHERE coalesce(r.rolname, 'PUBLIC') = $1
     GROUP BY kind, name, CASE WHEN part IS NOT NULL THEN privilege_type END
     ORDER BY kind DESC, name, CASE WHEN part IS NOT NULL THEN privilege_type END";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let servers = Servers::start(&Options::temporary().postgres_only())?;
    let url = servers.create_database()?;
    let ledger = Ledger::connect(&ConnectOptions { url: url.clone(), ..ConnectOptions::default() }).await?;
    ledger.migrate().await?;
    tenants::add(&ledger, "cluster", "team-a", "vs_team-a", "unused").await?;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(JOBS).await?;

    println!("# Rights\n");
    println!(
        "Read from the catalog of a ledger by `make generate`. They are granted by [grants.sql](../../migrations/grants.sql); functions"
    );
    println!(
        "that tenants and the operator may call run with the owner's rights and check who calls them, and whose job it is. Whoever is not\n\
         listed may do nothing.\n"
    );
    for (role, title) in [
        ("vaultstream_tenant", "`vaultstream_tenant`: the login of every namespace"),
        ("vs_team-a", "The login of one namespace, of a job of it with the number 1 that signs, beside that"),
        ("vaultstream_operator", "`vaultstream_operator`: the operator's login. Job 1 signs, job 2 is being seeded"),
        ("vaultstream_auditor", "`vaultstream_auditor`: who verifies, exports and watches"),
        ("PUBLIC", "Everybody"),
    ] {
        println!("## {title}\n");
        print(&client, role).await?;
    }
    Ok(())
}

async fn print(client: &Client, role: &str) -> Result<(), Box<dyn Error>> {
    let rows = client.query(RIGHTS, &[&role]).await?;
    if rows.is_empty() {
        println!("Nothing in the ledger.\n");
        return Ok(());
    }
    println!("| object | name | right | columns |\n| --- | --- | --- | --- |");
    for row in rows {
        let [kind, name, rights] = ["kind", "name", "rights"].map(|column| row.get::<_, String>(column));
        let columns: Option<String> = row.get("columns");
        println!("| {kind} | `{name}` | {rights} | {} |", columns.as_deref().unwrap_or("all"));
    }
    println!();
    Ok(())
}
