//! Signatures are read with what they sign, whatever has become of it.

use std::ops::ControlFlow;

use vaultstream_ledger::commit::Committed;
use vaultstream_ledger::steps::{self, Finish, Step};
use vaultstream_ledger::verify::{Now, Rows, SignedRow, SignedRows};
use vaultstream_ledger::{Job, Ledger};

use crate::stage::{Stage, generated, of_table, options, segment, segment_of};

/// Every record of the job gets a signature, and the signatures their index.
async fn finish(stage: &Stage, job: &Job, ids: &[i64]) -> Job {
    let lease = stage.first_lease(job).await;
    let unit: Vec<_> = stage
        .ranges(job)
        .await
        .iter()
        .map(|range| {
            let inside: Vec<i64> = ids.iter().copied().filter(|id| (range.first..=range.last).contains(id)).collect();
            segment_of(range, lease.key, &inside)
        })
        .collect();
    assert_eq!(stage.commit(job, &lease, &unit).await, Committed::Done);
    assert_eq!(steps::begin_finish(&stage.ledger, job.id).await.unwrap(), Step::Done(Finish::Ready));
    stage.job(job.id).await
}

/// What is read: ids with a word each.
async fn read(ledger: &Ledger, job: &Job, which: Rows) -> (Vec<(i64, String)>, Option<bool>) {
    let mut seen = Vec::new();
    let mut rows = SignedRows::of(ledger, job);
    rows.read(which, &mut |row| {
        assert_eq!(row.signature.len(), 64);
        let word = match row.now {
            Now::Payload(payload) => String::from_utf8_lossy(payload).into_owned(),
            Now::Null => "NULL".to_owned(),
            Now::Gone => "gone".to_owned(),
            Now::NotRead => "not read".to_owned(),
            Now::Unreadable(why) => format!("unreadable: {why}"),
        };
        seen.push((row.id, word));
        ControlFlow::Continue(())
    })
    .await
    .unwrap();
    (seen, rows.lost().map(|lost| lost.gone))
}

fn words(rows: &[(i64, String)]) -> Vec<(i64, &str)> {
    rows.iter().map(|(id, word)| (*id, word.as_str())).collect()
}

#[tokio::test]
async fn signatures_come_with_what_they_sign_while_they_are_made_and_afterwards() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(45_000, 1_000, 2)).await;
    let lease = stage.first_lease(&job).await;
    let unit: Vec<_> = stage.ranges(&job).await.iter().map(|range| segment(range, lease.key)).collect();
    assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::Done);
    let collect = async |job: &Job, rows: Rows, most: usize| {
        let mut ids = Vec::new();
        let mut signed = SignedRows::of(&stage.ledger, job);
        signed
            .read(rows, &mut |row| {
                assert_eq!((row.signature.len(), row.now.payload().map(<[u8]>::len)), (64, Some(32)));
                ids.push(row.id);
                if ids.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .await
            .unwrap();
        ids
    };
    // More than two pieces.
    let all: Vec<i64> = (1..=45_000).collect();
    assert_eq!(collect(&job, Rows::All, usize::MAX).await, all, "without an index");
    assert_eq!(steps::begin_finish(&stage.ledger, job.id).await.unwrap(), Step::Done(Finish::Ready));
    let job = stage.job(job.id).await;
    assert_eq!(collect(&job, Rows::All, usize::MAX).await, all);
    assert_eq!(collect(&job, Rows::All, 7).await, (1..=7).collect::<Vec<_>>());
    assert_eq!(collect(&job, Rows::All, 20_000).await, (1..=20_000).collect::<Vec<_>>());
    let end = Rows::Range { first: 44_995, last: i64::MAX };
    assert_eq!(collect(&job, end, 100).await, (44_995..=45_000).collect::<Vec<_>>());
    let inside = Rows::Range { first: 19_999, last: 40_002 };
    assert_eq!(collect(&job, inside, usize::MAX).await, (19_999..=40_002).collect::<Vec<_>>());
    let sample = |rows, seed| collect(&job, Rows::Sample { rows, seed }, usize::MAX);
    let chosen = sample(1200, 1).await;
    assert!((900..1500).contains(&chosen.len()), "{}", chosen.len());
    assert_eq!(sample(1200, 1).await, chosen);
    assert_ne!(sample(1200, 2).await, chosen);
    assert_eq!(sample(90_000, 2).await.len(), 45_000);
}

/// A signature of any length may be there if its owner put it there.
#[tokio::test]
async fn signatures_that_fill_the_memory_of_a_piece_end_it_and_the_next_one_continues() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10, 10, 2)).await;
    let job = finish(&stage, &job, &(1..=10).collect::<Vec<_>>()).await;
    let enlarge =
        "UPDATE vaultstream.signatures SET signature = decode(repeat('ab', 5000000), 'hex') WHERE record_id % 2 = 1";
    stage.sql().await.batch_execute(enlarge).await.unwrap();
    let mut seen = Vec::new();
    let mut visit = |row: SignedRow<'_>| {
        seen.push((row.id, row.signature.len(), row.now.payload().map(<[u8]>::len)));
        ControlFlow::Continue(())
    };
    SignedRows::of(&stage.ledger, &job).read(Rows::All, &mut visit).await.unwrap();
    let expected = |id: i64| (id, if id % 2 == 1 { 5_000_000 } else { 64 }, Some(32));
    assert_eq!(seen, (1..=10).map(expected).collect::<Vec<_>>());
}

/// They are in the range of ids that is read at once, and no part of the job.
#[tokio::test]
async fn rows_without_a_signature_are_passed_over_whatever_they_hold_and_however_many_there_are() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE letters (id integer PRIMARY KEY, body text NOT NULL);
         INSERT INTO letters SELECT n * 100, 'letter ' || n FROM generate_series(1, 20) n",
    )
    .await
    .unwrap();
    let mut spec = of_table("letters", 5);
    spec.max_payload_bytes = 1_000;
    let job = stage.signing(spec).await;
    let job = finish(&stage, &job, &(1..=20).map(|n| n * 100).collect::<Vec<_>>()).await;
    let mut expected: Vec<(i64, String)> = (1..=20).map(|n| (n * 100, format!("letter {n}"))).collect();
    let check = async |change: &str, expected: &[(i64, String)]| {
        sql.batch_execute(change).await.unwrap();
        let (rows, lost) = read(&stage.ledger, &job, Rows::All).await;
        assert_eq!((rows.as_slice(), lost), (expected, None), "{change}");
    };
    check("INSERT INTO letters VALUES (50, repeat('x', 5000)), (250, repeat('x', 5000)), (5000, 'late')", &expected)
        .await;
    check("INSERT INTO letters SELECT n, 'late' FROM generate_series(301, 399) n", &expected).await;
    // A signed row that has grown beyond what would be signed is shown whole.
    expected[4].1 = "y".repeat(5_000);
    check("UPDATE letters SET body = repeat('y', 5000) WHERE id = 500", &expected).await;
    expected[19].1 = "gone".to_owned();
    check("DELETE FROM letters WHERE id = 2000", &expected).await;
    // More than twice as many as there are signatures.
    check("INSERT INTO letters SELECT n, 'late' FROM generate_series(601, 699) n", &expected).await;
    check("INSERT INTO letters SELECT n, 'late' FROM generate_series(1901, 1999) n", &expected).await;
    // The key becomes one that is not always an integer: 7.5 is neither 7 nor 8.
    let numeric =
        "ALTER TABLE letters ALTER id TYPE numeric; INSERT INTO letters VALUES (799.5, 'half'), (800.4, 'less')";
    check(numeric, &expected).await;
}

/// Each integer type, least and greatest keys, rows that changed and went, and then the whole table.
#[tokio::test]
async fn what_became_of_rows_and_of_their_table_is_told_and_the_signatures_come_all_the_same() {
    for key in ["smallint", "integer", "bigint"] {
        let stage = Stage::new().await;
        let sql = stage.sql().await;
        sql.batch_execute(&format!(
            "CREATE TABLE letters (id {key} PRIMARY KEY, body text);
             INSERT INTO letters SELECT n, 'letter ' || n FROM generate_series(-3, 4) n"
        ))
        .await
        .unwrap();
        let job = stage.signing(of_table("letters", 3)).await;
        let job = finish(&stage, &job, &(-3..=4).collect::<Vec<_>>()).await;
        sql.batch_execute(
            "UPDATE letters SET body = 'forged' WHERE id = 0; DELETE FROM letters WHERE id = 1;
             UPDATE letters SET body = NULL WHERE id = 2; UPDATE letters SET body = '' WHERE id = 3",
        )
        .await
        .unwrap();
        let (rows, lost) = read(&stage.ledger, &job, Rows::Range { first: -1, last: 4 }).await;
        let now = [(-1, "letter -1"), (0, "forged"), (1, "gone"), (2, "NULL"), (3, ""), (4, "letter 4")];
        assert_eq!((words(&rows), lost), (now.to_vec(), None), "{key}");
        for (change, gone) in [
            ("ALTER TABLE letters RENAME body TO text", true),
            ("ALTER TABLE letters RENAME text TO body; ALTER TABLE letters RENAME id TO number", true),
            ("ALTER TABLE letters RENAME number TO id; ALTER TABLE letters ALTER id TYPE text", false),
            ("ALTER TABLE letters RENAME TO letters_2024", true),
            ("DROP TABLE letters_2024", true),
        ] {
            sql.batch_execute(change).await.unwrap();
            let (rows, lost) = read(&stage.ledger, &job, Rows::All).await;
            let unread: Vec<(i64, &str)> = (-3..=4).map(|id| (id, "not read")).collect();
            assert_eq!((words(&rows), lost), (unread, Some(gone)), "{key}: {change}");
        }
    }
}

#[tokio::test]
async fn a_row_that_the_server_cannot_hand_over_is_told_with_its_words_and_the_others_come() {
    let stage = Stage::empty().await;
    let name = format!("{}_latin", stage.url.rsplit_once('/').unwrap().1);
    let make = format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    stage.sql().await.batch_execute(&make).await.unwrap();
    let url = format!("{}/{name}", stage.url.rsplit_once('/').unwrap().0);
    let stage = Stage { ledger: Ledger::connect(&options(&url)).await.unwrap(), url };
    stage.ledger.migrate().await.unwrap();
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE letters (id integer PRIMARY KEY, body text NOT NULL);
         INSERT INTO letters SELECT n, 'letter ' || n FROM generate_series(1, 300) n",
    )
    .await
    .unwrap();
    let job = stage.signing(of_table("letters", 50)).await;
    // 150 is not signed.
    let signed: Vec<i64> = (1..=300).filter(|id| *id != 150).collect();
    let job = finish(&stage, &job, &signed).await;
    let damage = async |ids: &str| {
        let damage = "UPDATE letters SET body = convert_from('\\xe9'::bytea, 'SQL_ASCII') WHERE id IN";
        sql.batch_execute(&format!("{damage} ({ids})")).await.unwrap();
    };
    damage("150").await;
    let (rows, lost) = read(&stage.ledger, &job, Rows::All).await;
    assert_eq!((rows.iter().map(|(id, _)| *id).collect::<Vec<_>>(), lost), (signed.clone(), None));
    assert!(rows.iter().all(|(id, word)| *word == format!("letter {id}")), "{rows:?}");
    damage("77, 200, 201").await;
    let (rows, lost) = read(&stage.ledger, &job, Rows::All).await;
    assert_eq!((rows.iter().map(|(id, _)| *id).collect::<Vec<_>>(), lost), (signed, None));
    let unreadable: Vec<_> = rows.iter().filter(|(_, word)| word.starts_with("unreadable: ")).collect();
    assert_eq!(unreadable.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [77, 200, 201]);
    assert!(unreadable[0].1.contains("invalid byte sequence"), "{unreadable:?}");
    assert_eq!(rows[77], (78, "letter 78".to_owned()));
}

/// The time of a statement is bounded by what it is given to read, not by the job's size.
#[tokio::test]
async fn a_limit_on_the_time_of_a_statement_ends_no_read() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    let job = stage.signing(generated(1500, 500, 2)).await;
    let job = finish(&stage, &job, &(1..=1500).collect::<Vec<_>>()).await;
    // 2 ms a row.
    sql.batch_execute(&format!(
        "CREATE FUNCTION public.slowly(bytea) RETURNS bytea LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.002); RETURN $1; END $$;
         ALTER TABLE vaultstream.records_{n} RENAME TO kept;
         CREATE VIEW vaultstream.records_{n} AS SELECT id, public.slowly(payload) AS payload FROM vaultstream.kept",
        n = job.id
    ))
    .await
    .unwrap();
    let url = format!("{}?options=-c%20statement_timeout%3D500", stage.url);
    let hurried = Ledger::connect(&options(&url)).await.unwrap();
    let (rows, lost) = read(&hurried, &job, Rows::All).await;
    assert_eq!((rows.len(), lost), (1500, None));
    assert!(rows.iter().all(|(_, payload)| !payload.is_empty()), "{rows:?}");
}
