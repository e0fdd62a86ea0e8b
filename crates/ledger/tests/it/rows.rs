//! Canonical rows, read from real tables: every accepted type, under all settings, and what is refused.

use std::collections::BTreeMap;

use serde_json::Value;
use vaultstream_api::{JsonForm, Signed, SigningJobSpec, Source, TableSource};
use vaultstream_ledger::payloads::{self, Payload};
use vaultstream_ledger::planning::TableError;
use vaultstream_ledger::steps::look_at_table;
use vaultstream_ledger::{Job, Ledger};
use vaultstream_signing::RowForm;

use crate::settings::HOSTILE;
use crate::stage::{Stage, of_table, options, url_as};

/// docs/vectors/row-values.json
fn vectors(json: JsonForm) -> Vec<Value> {
    let all: Vec<Value> = serde_json::from_str(include_str!("../../../../docs/vectors/row-values.json")).unwrap();
    all.into_iter().filter(|vector| vector["json"].as_str().unwrap_or("Text") == json.as_str()).collect()
}

fn text<'a>(vector: &'a Value, member: &str) -> &'a str {
    vector[member].as_str().unwrap()
}

fn of_columns(table: &str, columns: &[&str], json: JsonForm) -> SigningJobSpec {
    let mut spec = of_table(table, 1000);
    let signed = Signed::Columns(columns.iter().map(|name| (*name).to_owned()).collect());
    spec.source = Source::Table(TableSource { signed, json, ..TableSource::of_payload("public", table, "id", "") });
    spec
}

/// A table with a column of each type of the vectors and a row for each vector. The id of a row is its vector's place.
async fn table_of(stage: &Stage, vectors: &[Value]) -> Vec<String> {
    let types: BTreeMap<&str, String> =
        vectors.iter().map(|vector| text(vector, "type")).map(|of_type| (of_type, format!("a {of_type}"))).collect();
    let columns: Vec<String> = types.iter().map(|(of_type, name)| format!("\"{name}\" {of_type}")).collect();
    let sql = stage.sql().await;
    sql.batch_execute(&format!("CREATE TABLE every (id bigint PRIMARY KEY, {})", columns.join(", "))).await.unwrap();
    for (id, vector) in vectors.iter().enumerate() {
        let column = &types[text(vector, "type")];
        let insert = format!("INSERT INTO every (id, \"{column}\") VALUES ({id}, {})", text(vector, "sql"));
        sql.batch_execute(&insert).await.unwrap_or_else(|error| panic!("{insert}: {error:?}"));
    }
    types.into_values().collect()
}

/// What is read of each record: its payload, or why there is none.
async fn read(ledger: &Ledger, stage: &Stage, job: &Job) -> BTreeMap<i64, Result<Vec<u8>, String>> {
    let ranges = stage.ranges(job).await;
    let mut found = BTreeMap::new();
    payloads::read(ledger, job, &ranges, |_, name, payload| {
        let payload = match payload {
            Payload::Bytes(bytes) => Ok(bytes.to_vec()),
            other => Err(format!("{other:?}")),
        };
        found.insert(name.id, payload);
    })
    .await
    .unwrap();
    found
}

/// Compares the row of each vector: its column has the value, and all others are NULL.
fn assert_values(job: &Job, columns: &[String], vectors: &[Value], found: &BTreeMap<i64, Result<Vec<u8>, String>>) {
    let form = RowForm::new(job.uid, columns);
    assert_eq!(found.len(), vectors.len());
    for (vector, row) in vectors.iter().zip(found.values()) {
        let column = format!("a {}", text(vector, "type"));
        if let Some(reason) = vector.get("rejected") {
            let why = row.as_ref().unwrap_err();
            assert!(reason == "PayloadNotCanonical" && why.contains("NotCanonical"), "{vector}: {why}");
            assert!(why.contains(&column), "{vector}: {why}");
            continue;
        }
        let row = row.as_ref().unwrap();
        let values = form.values(row).unwrap();
        for (name, value) in columns.iter().zip(values) {
            let kind = if value.is_bytes { 17 } else { 25 };
            if *name != column {
                assert_eq!(value.value, None, "{vector}: {name}");
                continue;
            }
            assert_eq!(vector["kind"], kind, "{vector}");
            let hex: String = value.value.unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect();
            match (value.value, vector.get("hex")) {
                (None, _) => assert_eq!(vector["null"], true, "{vector}"),
                (Some(_), Some(wanted)) => assert_eq!(*wanted, hex, "{vector}"),
                (Some(found), None) => {
                    assert_eq!(std::str::from_utf8(found).unwrap(), text(vector, "text"), "{vector}")
                }
            }
        }
    }
}

/// A user of the database for whom all is set otherwise, by the role and by the database.
async fn user_with_other_settings(stage: &Stage) -> String {
    let name = format!("user_{:x}", uuid::Uuid::new_v4().as_u128());
    let sql = stage.sql().await;
    sql.batch_execute(&format!("CREATE ROLE {name} LOGIN SUPERUSER")).await.unwrap();
    let database: String = sql.query_one("SELECT current_database()", &[]).await.unwrap().get(0);
    for (setting, value) in HOSTILE {
        // Of a later version of Postgres than this one.
        let known = "SELECT EXISTS (SELECT FROM pg_settings WHERE name = $1)";
        if sql.query_one(known, &[&setting.to_lowercase()]).await.unwrap().get(0)
            || setting.chars().any(char::is_uppercase)
        {
            sql.batch_execute(&format!("ALTER ROLE {name} SET {setting} = {value}")).await.unwrap();
        }
    }
    for setting in ["lc_numeric", "lc_monetary", "lc_time", "lc_messages"] {
        let mut set = false;
        for locale in ["de_DE.UTF-8", "en_US.UTF-8", "C.UTF-8", "C.utf8", "POSIX"] {
            let change = format!("ALTER DATABASE \"{database}\" SET {setting} = '{locale}'");
            set = set || sql.batch_execute(&change).await.is_ok();
        }
        assert!(set, "{setting} has one value only");
    }
    name
}

#[tokio::test]
async fn every_type_has_one_form_under_any_settings_of_the_user() {
    for json in [JsonForm::Text, JsonForm::Jcs] {
        let stage = Stage::new().await;
        let vectors = vectors(json);
        let columns = table_of(&stage, &vectors).await;
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        let job = stage.signing(of_columns("every", &names, json)).await;
        assert_values(&job, &columns, &vectors, &read(&stage.ledger, &stage, &job).await);
        let user = user_with_other_settings(&stage).await;
        let theirs = Ledger::connect(&options(&url_as(&stage.url, &user))).await.unwrap();
        assert_values(&job, &columns, &vectors, &read(&theirs, &stage, &job).await);
    }
}

#[tokio::test]
async fn one_column_of_json_is_signed_in_its_canonical_form() {
    let stage = Stage::new().await;
    stage
        .sql()
        .await
        .batch_execute(
            "CREATE TABLE documents (id bigint PRIMARY KEY, doc jsonb);
             INSERT INTO documents VALUES (1, '{\"b\": 1.0, \"a\": 2}'), (2, NULL), (3, '12345678901234567890')",
        )
        .await
        .unwrap();
    let mut spec = of_table("documents", 1000);
    let source = TableSource::of_payload("public", "documents", "id", "doc");
    spec.source = Source::Table(TableSource { json: JsonForm::Jcs, ..source });
    let job = stage.signing(spec).await;
    let found: Vec<_> = read(&stage.ledger, &stage, &job).await.into_values().collect();
    assert_eq!(found[0].as_deref(), Ok(b"{\"a\":2,\"b\":1}".as_slice()));
    assert_eq!(found[1], Err("Null".to_owned()));
    assert!(found[2].as_ref().unwrap_err().starts_with("NotCanonical"), "{found:?}");
}

async fn refusal(stage: &Stage, columns: &[&str], json: JsonForm) -> String {
    let Source::Table(source) = of_columns("odd", columns, json).source else { panic!("another source") };
    match look_at_table(&stage.ledger, &source, false).await {
        Err(TableError::Source(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_column_that_has_no_form_is_refused_with_what_to_do() {
    let stage = Stage::new().await;
    stage
        .sql()
        .await
        .batch_execute(
            "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN small AS int;
             CREATE TABLE odd (id bigint PRIMARY KEY, tags text[], price money, page xml, feels mood, few small, at point,
                 range int4range, body text, twice bigint GENERATED ALWAYS AS (id * 2) STORED, gone int);
             ALTER TABLE odd DROP COLUMN gone",
        )
        .await
        .unwrap();
    let typed =
        "which has no canonical form: leave it out, or keep what is to be signed in a column of type text or jsonb";
    for (column, of_type) in [
        ("tags", "text[]"),
        ("price", "money"),
        ("page", "xml"),
        ("feels", "mood"),
        ("few", "small"),
        ("at", "point"),
        ("range", "int4range"),
    ] {
        let told = refusal(&stage, &["id", column], JsonForm::Text).await;
        let shown = told.replace("public.", "");
        assert_eq!(shown, format!("spec.source.table.columns: column {column} is of type {of_type}, {typed}"));
    }
    let told = refusal(&stage, &["id", "twice"], JsonForm::Text).await;
    assert_eq!(told, "spec.source.table.columns: column twice is generated: name the columns that it is made of");
    let told = refusal(&stage, &["id", "gone"], JsonForm::Text).await;
    assert!(told.starts_with("spec.source.table.columns: column gone of table public.odd does not exist"), "{told}");
    let told = refusal(&stage, &["id", "boddy"], JsonForm::Text).await;
    assert!(told.ends_with("does not exist: did you mean body?"), "{told}");
    let told = refusal(&stage, &["id", "body"], JsonForm::Jcs).await;
    assert!(told.starts_with("spec.source.table.json is JCS, and none of the columns"), "{told}");
}

#[tokio::test]
async fn a_column_that_changes_its_type_in_the_middle_stops_the_job_and_not_for_ever() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE moving (id bigint PRIMARY KEY, amount int, note varchar(9)); INSERT INTO moving VALUES (1, 5, 'x')",
    )
    .await
    .unwrap();
    let job = stage.signing(of_columns("moving", &["amount", "note"], JsonForm::Text)).await;
    assert_eq!(job.signed_types.as_deref(), Some(["int4".to_owned(), "varchar".to_owned()].as_slice()));
    let ranges = stage.ranges(&job).await;
    let read = || payloads::read(&stage.ledger, &job, &ranges, |_, _, _| {});
    sql.batch_execute("ALTER TABLE moving ALTER note TYPE text").await.unwrap();
    read().await.unwrap();
    sql.batch_execute("ALTER TABLE moving ALTER amount TYPE numeric").await.unwrap();
    let told = read().await.unwrap_err().to_string();
    assert!(told.contains("column amount was int4 and is numeric now, which has other bytes"), "{told}");
    sql.batch_execute("ALTER TABLE moving ALTER amount TYPE int").await.unwrap();
    read().await.unwrap();
}
