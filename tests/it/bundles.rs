//! Bundles: written from a ledger, verified without one by three verifiers that share no code.

use std::{
    io::Write as _,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};
use vaultstream_proof::bundle::{BundleError, BundleOptions, verify_bundle};

use crate::harness::{Ended, Program, Site, of_table, output, python};

/// 60 rows of which two cannot be signed.
const ROWS: &str = "CREATE TABLE orders (id integer PRIMARY KEY, body text);
                    INSERT INTO orders SELECT n, CASE WHEN n % 25 = 0 THEN NULL ELSE 'order ' || n END FROM generate_series(1, 60) n";

const SPEC: &str = "batchSize: 7\nkeys: {count: 4, lease: {records: 10}}\nmaxRejected: 5\nsigning: {message: Bound}";

/// A signed table, and its bundle.
async fn site_with_bundle(options: &[&str]) -> (Site, PathBuf) {
    let site = Site::new().await;
    site.execute(ROWS).await;
    site.run(&of_table("job", "orders", SPEC)).end().await.assert_code(0);
    let bundle = export(&site, "job", options).await;
    (site, bundle)
}

async fn export(site: &Site, job: &str, options: &[&str]) -> PathBuf {
    let file = site.dir.path().join(format!("{job}{}.vsb", options.concat()));
    let path = file.to_str().unwrap();
    site.ledger_command(&["export", "--job", job, "--bundle", path]).args(options).end().await.assert_code(0);
    file
}

async fn verify(bundle: &Path, options: &[&str]) -> Ended {
    let path = bundle.to_str().unwrap();
    Program::vaultstream(&["verify", "--output", "json", "--bundle", path]).args(options).end().await
}

/// The kinds of problems of a report.
fn kinds(report: &Value) -> Vec<&str> {
    report["problems"].as_array().unwrap().iter().map(|problem| problem["kind"].as_str().unwrap()).collect()
}

/// The verdict of our own verifier as an exit code.
fn ours(file: &Path) -> u8 {
    let options = BundleOptions { threads: NonZeroUsize::MIN, most: 10 };
    match verify_bundle(file, options, &mut |_| {}) {
        Ok(found) => u8::from(!found.is_verified(false)),
        Err(BundleError::NotABundle { .. } | BundleError::Format { .. }) => 2,
        Err(error) => panic!("{error}"),
    }
}

/// The verdicts of another verifier.
fn theirs(mut verifier: Command, files: &[PathBuf]) -> Vec<u8> {
    let mut child = verifier.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let list: String = files.iter().map(|file| format!("{}\n", file.display())).collect();
    child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{verifier:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(|code| code.parse().unwrap()).collect()
}

/// The script of the page, in Node.js; none where there is no such program.
fn page() -> Option<Command> {
    let version = Command::new("node").arg("--version").output().ok()?;
    let major =
        String::from_utf8(version.stdout).ok()?.trim().strip_prefix('v')?.split('.').next()?.parse::<u32>().ok()?;
    let mut node = Command::new("node");
    node.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("verify_bundles.mjs"));
    (major >= 20).then_some(node)
}

/// The verdicts of the other verifiers, each with its name.
fn others(files: &[PathBuf]) -> Vec<(&'static str, Vec<u8>)> {
    let mut others = vec![("python", theirs(python("verify_bundles.py"), files))];
    match page() {
        Some(page) => others.push(("page", theirs(page, files))),
        None => {
            let skipped = b"SKIPPED the script of docs/verify.html: Node.js 20 or later is not installed\n";
            std::io::stderr().write_all(skipped).unwrap();
        }
    }
    others
}

/// A bundle with one thing changed.
fn mutated(bundle: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = bundle.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let at = random.random_range(0..lines.len());
    let other = random.random_range(0..lines.len());
    match random.random_range(0..9) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[at].clone()),
        2 => lines.swap(at, other),
        3 => lines.insert(other, lines[at].clone()),
        4 => lines.truncate(at),
        5 => {
            let mut all = bundle.to_vec();
            all.truncate(random.random_range(0..bundle.len()));
            return all;
        }
        6 => {
            // A member of another line of its type.
            let (one, another): (Value, Value) =
                (serde_json::from_slice(&lines[at]).unwrap(), serde_json::from_slice(&lines[other]).unwrap());
            if let (true, Some(members)) = (one["type"] == another["type"], another.as_object()) {
                let name = members.keys().collect::<Vec<_>>().choose(random).unwrap().to_string();
                let text = String::from_utf8(lines[at].clone()).unwrap();
                lines[at] = text.replace(&one[&name].to_string(), &another[&name].to_string()).into_bytes();
            }
        }
        7 => {
            let byte = random.random_range(0..lines[at].len());
            lines[at].insert(byte, *b" 0a\"-_,{}\\\n".choose(random).unwrap());
        }
        _ => {
            let byte = random.random_range(0..lines[at].len());
            lines[at][byte] ^= 1 << random.random_range(0..8);
        }
    }
    lines.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_verified_without_a_ledger_and_without_payloads_too() {
    let (site, bundle) = site_with_bundle(&[]).await;
    let receipt =
        site.ledger_command(&["verify", "--job", "job", "--output", "json"]).end().await.assert_code(0).report();
    let digest = receipt["receiptDigest"].as_str().unwrap().to_owned();
    let bare = export(&site, "job", &["--no-payloads"]).await;
    for file in [&bundle, &bare] {
        let report = verify(file, &["--receipt-digest", &digest]).await.assert_code(0).report();
        assert_eq!((&report["verdict"], &report["problems"]), (&json!("VERIFIED"), &json!([])), "{report}");
        assert_eq!((&report["signed"], &report["rejected"], &report["verified"]), (&json!(58), &json!(2), &json!(58)));
        assert_eq!((&report["uid"], &report["receiptDigest"]), (&receipt["uid"], &receipt["receiptDigest"]));
        assert!(report["proves"].as_str().unwrap().starts_with("it is the job whose receipt was expected"), "{report}");
    }
    let text = std::fs::read_to_string(&bare).unwrap();
    assert!(!text.contains("\"payload\""), "{text}");
    let alone = Program::vaultstream(&["verify", "--bundle", bundle.to_str().unwrap()]).end().await;
    assert!(alone.assert_code(0).stdout.starts_with("VERIFIED\ndefault/job, complete at 2"), "{}", alone.stdout);
    assert!(alone.stdout.contains("whoever can write all of it"), "{}", alone.stdout);
    let other = verify(&bundle, &["--receipt-digest", &digest.replace(['0', '1'], "2")]).await;
    assert_eq!(kinds(&other.assert_code(1).report()), ["Receipt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_verifiers_agree_on_a_thousand_changed_bundles_of_which_none_is_verified() {
    let (site, bundle) = site_with_bundle(&[]).await;
    let bare = export(&site, "job", &["--no-payloads"]).await;
    let sources = [std::fs::read(&bundle).unwrap(), std::fs::read(&bare).unwrap()];
    let seed = std::env::var("VAULTSTREAM_BUNDLE_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    eprintln!("VAULTSTREAM_BUNDLE_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut files = vec![bundle, bare];
    while files.len() < 1_002 {
        let source = sources.choose(&mut random).unwrap();
        let changed = mutated(source, &mut random);
        if changed != *source {
            let file = site.dir.path().join(format!("{}.vsb", files.len()));
            std::fs::write(&file, changed).unwrap();
            files.push(file);
        }
    }
    let ours: Vec<u8> = files.iter().map(|file| ours(file)).collect();
    assert_eq!(ours[..2], [0, 0]);
    for (verifier, verdicts) in others(&files) {
        assert_eq!(verdicts.len(), files.len(), "{verifier}");
        for (file, (one, other)) in files.iter().zip(ours.iter().zip(&verdicts)) {
            let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
            assert_eq!(one, other, "{verifier} differs on {}:\n{text}", file.display());
        }
    }
    let verified = ours[2..].iter().filter(|code| **code == 0).count();
    assert_eq!(verified, 0, "{:?}", files[2..].iter().zip(&ours[2..]).find(|(_, code)| **code == 0));
    // Most of the changes leave a file that is still recognised as a bundle.
    assert!(ours.iter().filter(|code| **code == 1).count() > 800, "{ours:?}");
}

#[test]
fn all_verifiers_say_of_the_vectors_what_their_list_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/vectors");
    let list: Vec<Value> = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    let files: Vec<PathBuf> = list.iter().map(|vector| folder.join(vector["file"].as_str().unwrap())).collect();
    let expected: Vec<u8> = list
        .iter()
        .map(|vector| match vector["verdict"].as_str().unwrap() {
            "VERIFIED" => 0,
            "NOT VERIFIED" => 1,
            "no bundle" => 2,
            other => panic!("{other}"),
        })
        .collect();
    assert!([0, 1, 2].iter().all(|code| expected.contains(code)) && list.len() > 40);
    let ours: Vec<u8> = files.iter().map(|file| ours(file)).collect();
    for (verifier, verdicts) in std::iter::once(("ours", ours)).chain(others(&files)) {
        for (vector, (expected, verdict)) in list.iter().zip(expected.iter().zip(&verdicts)) {
            assert_eq!(expected, verdict, "{verifier}: {vector}");
        }
        assert_eq!(verdicts.len(), list.len(), "{verifier}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_bundle_is_named() {
    let (site, bundle) = site_with_bundle(&[]).await;
    let text = std::fs::read_to_string(&bundle).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let of = |start: &str| lines.iter().position(|line| line.starts_with(start)).unwrap();
    let record = of("{\"type\":\"record\",\"id\":\"9\"");
    let member = |line: usize, name: &str| {
        serde_json::from_str::<Value>(lines[line]).unwrap()[name].as_str().unwrap().to_owned()
    };
    let cases: [(&str, String, &[&str], String); 5] = [
        // A payload, a signature, a reason: each by record, or by the batch whose root it is under.
        ("payload", text.replace(&member(record, "payload"), "Zm9yZ2Vk"), &["Payload"], "that of record: 9".into()),
        (
            "signature",
            text.replace(&member(record, "signature"), &member(record + 1, "signature")),
            &["MerkleRoot", "WrongSignature"],
            format!("batch 1 (line {}) has a root", of("{\"type\":\"batch\",\"batch\":\"1\"") + 1),
        ),
        (
            "reason",
            text.replace("PayloadMissing", "PayloadTooLarge"),
            &["MerkleRoot", "MerkleRoot", "Receipt"],
            "batch 3".into(),
        ),
        ("line", text.replacen(lines[record], "", 1), &["Line"], format!("line {}: not a line", record + 1)),
        ("end", lines[..lines.len() - 1].join("\n") + "\n", &["Line"], "it was cut short".into()),
    ];
    for (name, changed, expected, said) in cases {
        assert_ne!(changed, text, "{name}");
        let file = site.dir.path().join("changed.vsb");
        std::fs::write(&file, changed).unwrap();
        let report = verify(&file, &[]).await.assert_code(1).report();
        assert_eq!(report["verdict"], "NOT VERIFIED");
        let found = kinds(&report);
        assert!(expected.iter().all(|kind| found.contains(kind)), "{name}: {report}");
        assert!(report["problems"].to_string().contains(&said), "{name}: {said}: {report}");
    }
    for (content, said) in [("", "it is empty"), ("{}\n", "its first line is not a header")] {
        let file = site.dir.path().join("none.vsb");
        std::fs::write(&file, content).unwrap();
        let refused = verify(&file, &[]).await;
        assert!(
            refused.assert_code(2).stderr.contains(&format!("none.vsb is not a bundle: {said}")),
            "{}",
            refused.stderr
        );
    }
    let later = site.dir.path().join("later.vsb");
    std::fs::write(&later, text.replacen("\"bundle\":2", "\"bundle\":3", 1)).unwrap();
    let refused = verify(&later, &[]).await;
    assert!(refused.assert_code(2).stderr.contains("has the bundle format 3, which this version does not know"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_changed_have_no_payload_in_a_bundle_and_are_no_failure_where_that_is_allowed() {
    let site = Site::new().await;
    site.execute(ROWS).await;
    site.run(&of_table("job", "orders", SPEC)).end().await.assert_code(0);
    site.execute("UPDATE orders SET body = 'forged' WHERE id = 3; UPDATE orders SET body = NULL WHERE id = 4; DELETE FROM orders WHERE id = 5")
        .await;
    let bundle = export(&site, "job", &[]).await;
    let text = std::fs::read_to_string(&bundle).unwrap();
    for (id, row) in [(3, "Changed"), (4, "Null"), (5, "Gone")] {
        let line =
            text.lines().find(|line| line.starts_with(&format!("{{\"type\":\"record\",\"id\":\"{id}\""))).unwrap();
        assert!(line.ends_with(&format!("\"row\":\"{row}\"}}")), "{line}");
    }
    let report = verify(&bundle, &[]).await.assert_code(1).report();
    assert_eq!((kinds(&report), &report["problems"][0]["records"]), (vec!["Changed"], &json!([3, 4, 5])), "{report}");
    let allowed = verify(&bundle, &["--allow-changed"]).await.assert_code(0).report();
    assert_eq!((&allowed["changed"], &allowed["verified"]), (&json!(3), &json!(58)), "every signature holds");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_fails_leaves_no_file_and_an_unfinished_job_has_no_bundle() {
    let (site, bundle) = site_with_bundle(&[]).await;
    let before = std::fs::read(&bundle).unwrap();
    site.execute(
        "ALTER TABLE vaultstream.batches DISABLE TRIGGER USER; UPDATE vaultstream.batches SET merkle_root = '\\x00' WHERE batch = 5",
    )
    .await;
    let path = bundle.to_str().unwrap();
    let refused = site.ledger_command(&["export", "--job", "job", "--bundle", path]).end().await;
    assert!(refused.assert_code(1).stderr.contains("the root of batch 5 is damaged or gone"), "{}", refused.stderr);
    assert_eq!(std::fs::read(&bundle).unwrap(), before, "the bundle of before is there");
    let files: Vec<_> = std::fs::read_dir(site.dir.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!files.iter().any(|file| file.to_string_lossy().ends_with(".part")), "{files:?}");

    site.run(&of_table("failing", "orders", "maxRejected: 0")).end().await.assert_code(1);
    let unfinished = site.ledger_command(&["export", "--job", "failing", "--bundle", path]).end().await;
    assert!(
        unfinished.assert_code(2).stderr.contains("a bundle proves a job that is Complete"),
        "{}",
        unfinished.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_of_bundles_what_they_are_in_a_browser_without_a_network() {
    let there = ["chromium", "chromedriver"].map(|program| Command::new(program).arg("--version").output().is_ok());
    if there != [true, true] {
        std::io::stderr()
            .write_all(b"SKIPPED docs/verify.html in a browser: chromium and chromium-driver are not installed\n")
            .unwrap();
        return;
    }
    let (site, bundle) = site_with_bundle(&[]).await;
    let bare = export(&site, "job", &["--no-payloads"]).await;
    let text = std::fs::read_to_string(&bundle).unwrap();
    let digest = verify(&bundle, &[]).await.assert_code(0).report()["receiptDigest"].as_str().unwrap().to_owned();
    let forged = site.dir.path().join("forged.vsb");
    std::fs::write(&forged, text.replace("PayloadMissing", "PayloadTooLarge")).unwrap();
    let none = site.dir.path().join("none.vsb");
    std::fs::write(&none, "{}\n").unwrap();
    let mut page = Command::new("python3");
    page.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("verify_page.py"));
    page.args([&bundle, &bare, &forged, &none]);
    page.args([format!("{digest}@{}", bare.display()), format!("{}@{}", "0".repeat(64), bundle.display())]);
    let said = output(page).await.unwrap();
    let expected = [
        "VERIFIED: Each of the 58 signatures of default/job is right, and the bundle agrees with itself.",
        "VERIFIED: Each of the 58 signatures",
        "NOT VERIFIED: 3 things are wrong",
        "NOT VERIFIED: none.vsb is not a bundle",
        "VERIFIED: Each of the 58 signatures of default/job is right, and it is the job whose receipt you expected.",
        "NOT VERIFIED: One thing is wrong with the bundle of default/job. it has the receipt sha256:",
    ];
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{said}");
    assert!(lines.iter().zip(expected).all(|(line, begin)| line.starts_with(begin)), "{said}");
}
