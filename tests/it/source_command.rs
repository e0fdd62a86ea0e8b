//! `vaultstream source`: new rows of a table are noted in its own database, which holds no ledger.

use serde_json::Value;

use crate::harness::{Ended, Program, Site};

/// `vaultstream source` with these words, in the site's database.
async fn source(site: &Site, args: &[&str]) -> Ended {
    let (verb, rest) = args.split_first().unwrap();
    let args = [&["source", verb, "--database-url", &site.database_url], rest].concat();
    Program::vaultstream(&args).end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_followed_looked_at_and_left_alone_again() {
    let site = Site::new().await;
    site.execute(
        "CREATE TABLE \"Orders\" (tenant text, \"No\" int, body text, PRIMARY KEY (tenant, \"No\")); \
         DO $$ BEGIN CREATE ROLE source_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    )
    .await;
    let table = ["--table", "public.\"Orders\""];
    let made = source(&site, &[&["enable"], &table[..], &["--key", "tenant,\"No\""]].concat()).await;
    made.assert_code(0);
    assert_eq!(
        made.stdout,
        "public.\"Orders\": new rows are noted from now on, by the key (tenant, No)\n\
         only vaultstream, its owner, may read what is noted: --reader ROLE lets the login of the workers do so\n"
    );
    let again = source(&site, &[&["enable"], &table[..], &["--reader", "source_reader"]].concat()).await;
    again.assert_code(0);
    assert_eq!(
        again.stdout,
        "public.\"Orders\": new rows are noted already, by the key (tenant, No)\n\
         beside vaultstream, its owner, these roles may read what is noted: source_reader\n"
    );
    site.execute("INSERT INTO \"Orders\" VALUES ('a', 1), ('a', 2)").await;
    let told = source(&site, &["status"]).await;
    told.assert_code(0);
    let lines: Vec<Vec<&str>> = told.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["TABLE", "TRIGGER", "KEY", "WAITING", "OLDEST", "READERS", "JOB", "SINCE"]);
    assert_eq!(lines[1][..4], ["public.\"Orders\"", "enabled", "tenant,No", "2"], "{}", told.stdout);
    assert!(told.stderr.is_empty(), "{}", told.stderr);
    site.execute("ALTER TABLE \"Orders\" DISABLE TRIGGER USER").await;
    let told = source(&site, &[&["status", "--output", "json"], &table[..]].concat()).await;
    let object: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&object["table"], &object["trigger"]), (&"public.\"Orders\"".into(), &"disabled".into()));
    assert_eq!((&object["waiting"], &object["readers"][0]), (&2.into(), &"source_reader".into()));
    assert!(object["oldestSeconds"].is_f64() && object["job"].is_null(), "{object}");
    assert!(
        told.stderr.contains("`vaultstream source enable --table 'public.\"Orders\"'` mends that"),
        "{}",
        told.stderr
    );
    let gone = source(&site, &[&["disable"], &table[..]].concat()).await;
    gone.assert_code(0);
    assert!(gone.stdout.ends_with("keys of 2 new rows went with it, which no job has planned\n"), "{}", gone.stdout);
    assert_eq!(site.number("SELECT count(*) FROM pg_class WHERE relname LIKE 'vaultstream\\_%'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_followed_is_told_in_one_sentence() {
    let site = Site::new().await;
    site.execute("CREATE TABLE good (id int PRIMARY KEY); CREATE VIEW seen AS SELECT * FROM good").await;
    for (args, words) in [
        (&["enable", "--table", "seen"][..], "--table: public.seen is a view, where no trigger sees every new row"),
        (&["enable", "--table", "missing"], "--table: table public.missing does not exist"),
        (&["enable", "--table", "good", "--key", "no"], "--key: column no of table public.good does not exist"),
        (&["enable", "--table", "good", "--key", "id,ID"], "column id is there twice"),
        (&["enable", "--table", "a.b.c"], "a table has a name and at most a schema"),
        (&["enable", "--table", "good", "--reader", "no_such_role"], "--reader: there is no role no_such_role"),
        (&["enable"], "missing: --table <SCHEMA.TABLE>"),
        (
            &["disable", "--table", "good"],
            "new rows of public.good are not noted: `vaultstream source enable --table public.good`",
        ),
    ] {
        let ended = source(&site, args).await;
        ended.assert_code(2);
        // Below a sentence about the command line is where its help is.
        let sentences = ended.stderr.lines().filter(|line| !line.starts_with("  ")).count();
        assert!(ended.stderr.contains(words) && sentences == 1, "{args:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty(), "{args:?}: {}", ended.stdout);
    }
}
