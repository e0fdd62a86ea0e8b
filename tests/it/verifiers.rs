//! Three verifiers that share no code say the same of bundles: of the vectors, and of a thousand that are damaged. The schemas say it of
//! the form of lines.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};

use crate::bundles::{ROWS, SPEC};
use crate::harness::{
    Site, Subject, TsaServer, cases, found, generated, of_source, of_table, others, ours, output, python,
};

/// Vectors that are not in the form of the schema of lines, or of the schema of receipts. Others that are in neither form differ from it
/// in what a schema cannot say: white space, escapes, doubled members, and what lines say of each other.
const NO_LINES: [&str; 21] = [
    "another-format.vsb",
    "digest-upper-case.vsb",
    "empty.vsb",
    "format-of-text.vsb",
    "json.vsb",
    "key-for-another-use.vsb",
    "key-null.vsb",
    "key-number.vsb",
    "key-text.vsb",
    "leading-zero.vsb",
    "receipt-ordinals-of-none.vsb",
    "member-null.vsb",
    "member-unknown.vsb",
    "seal-empty.vsb",
    "token-padding.vsb",
    "token-too-long.vsb",
    "tokens-empty-list.vsb",
    "tokens-in-format-1.vsb",
    "tokens-null.vsb",
    "tokens-too-many.vsb",
    "cut-in-a-line.vsb",
];
const NO_RECEIPTS: [&str; 31] = [
    "checkpoint-alone.vsb",
    "checkpoint-first-of-another.vsb",
    "checkpoint-in-format-2.vsb",
    "checkpoint-in-format-5.vsb",
    "checkpoint-last-false.vsb",
    "checkpoint-last-null.vsb",
    "checkpoint-last-number.vsb",
    "checkpoint-member.vsb",
    "checkpoint-missing.vsb",
    "checkpoint-null.vsb",
    "checkpoint-number-null.vsb",
    "checkpoint-of-ids.vsb",
    "checkpoint-previous-null.vsb",
    "checkpoint-previous-short.vsb",
    "checkpoint-previous-upper-case.vsb",
    "checkpoint-text.vsb",
    "checkpoint-too-large.vsb",
    "checkpoint-true.vsb",
    "checkpoint-without-number.vsb",
    "checkpoint-zero.vsb",
    "receipt-cluster.vsb",
    "receipt-format.vsb",
    "receipt-ids-null.vsb",
    "receipt-json-null.vsb",
    "receipt-json.vsb",
    "receipt-key-number.vsb",
    "receipt-made-at.vsb",
    "receipt-member.vsb",
    "receipt-no-key-columns.vsb",
    "receipt-ordinals-of-none.vsb",
    "receipt-other-ids.vsb",
];

fn vectors() -> (PathBuf, Vec<Value>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/vectors");
    let list = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    (folder, list)
}

#[test]
fn all_verifiers_say_of_the_vectors_what_their_list_says() {
    let (folder, list) = vectors();
    let subject = |vector: &Value| Subject {
        file: folder.join(vector["file"].as_str().unwrap()),
        roots: vector["tsaRoots"].as_str().map(|roots| folder.join(roots)),
        checkpoint: vector["checkpoint"].as_str().map(|checkpoint| folder.join(checkpoint)),
    };
    let subjects: Vec<Subject> = list.iter().map(subject).collect();
    let expected: Vec<u8> = list
        .iter()
        .map(|vector| match vector["verdict"].as_str().unwrap() {
            "VERIFIED" => 0,
            "NOT VERIFIED" => 1,
            "no bundle" => 2,
            other => panic!("{other}"),
        })
        .collect();
    assert!([0, 1, 2].iter().all(|code| expected.contains(code)) && list.len() > 100);
    let ours: Vec<u8> = subjects.iter().map(ours).collect();
    for (verifier, verdicts) in std::iter::once(("ours", ours)).chain(others(&subjects)) {
        for (vector, (expected, verdict)) in list.iter().zip(expected.iter().zip(&verdicts)) {
            assert_eq!(expected, verdict, "{verifier}: {vector}");
        }
        assert_eq!(verdicts.len(), list.len(), "{verifier}");
    }
}

#[tokio::test]
async fn the_schemas_take_the_vectors_that_have_the_form_and_no_others() {
    let (folder, list) = vectors();
    let mut command = python("check_schemas.py");
    command.arg(&folder);
    let said: Value = serde_json::from_str(&output(command).await.unwrap()).unwrap();
    for vector in &list {
        let file = vector["file"].as_str().unwrap();
        assert_eq!(said[file]["lines"], !NO_LINES.contains(&file), "{vector}: {}", said[file]);
        assert_eq!(said[file]["receipt"], !NO_RECEIPTS.contains(&file), "{vector}: {}", said[file]);
        let fits = said[file]["lines"] == true && said[file]["receipt"] == true;
        assert!(fits || vector["verdict"] != "VERIFIED", "{vector}");
    }
    for file in NO_LINES.iter().chain(&NO_RECEIPTS) {
        assert!(list.iter().any(|vector| vector["file"] == **file), "{file}");
    }
}

/// Whoever has docs/formats.md alone makes the same bundles: its tables are read, and the vectors made anew by them.
#[tokio::test]
async fn the_vectors_are_what_the_tables_of_the_documents_say() {
    let said = output(python("check_formats.py")).await.unwrap();
    assert!(said.ends_with(" vectors are what the tables say\n"), "{said}");
}

/// Bundles of one table: with payloads and without, and with the tokens of two authorities, whose roots are believed. And of a job whose
/// ids are ordinals, and of one that follows its table, with an earlier checkpoint, from the vectors.
async fn sources(site: &Site, tsas: &[TsaServer]) -> Vec<Subject> {
    site.execute(ROWS).await;
    let anchors: Vec<Value> = tsas.iter().map(|tsa| json!({"tsa": tsa.url})).collect();
    site.run(&of_table("plain", "orders", SPEC)).end().await.assert_code(0);
    site.run(&of_table("anchored", "orders", &format!("{SPEC}\nanchors: {}", json!(anchors))))
        .end()
        .await
        .assert_code(0);
    let rows = "table: {name: orders, key: id, columns: [id, body]}";
    site.run(&of_source("rows", rows, SPEC)).end().await.assert_code(0);
    let roots: String = tsas.iter().map(|tsa| std::fs::read_to_string(tsa.authority.root()).unwrap()).collect();
    let pem = site.dir.path().join("roots.pem");
    std::fs::write(&pem, roots).unwrap();
    let mut sources = Vec::new();
    for (job, options, roots) in [
        ("plain", &[][..], None),
        ("plain", &["--no-payloads"], None),
        ("rows", &[], None),
        ("anchored", &[], None),
        ("anchored", &["--no-payloads"], Some(pem)),
    ] {
        let file = site.dir.path().join(format!("{job}{}.source", options.concat()));
        let export = site.ledger_command(&["export", "--job", job, "--bundle", file.to_str().unwrap()]);
        export.args(options).end().await.assert_code(0);
        sources.push(Subject { file, roots, checkpoint: None });
    }
    let (folder, _) = vectors();
    sources.push(folder.join("keys-text.vsb").into());
    let checkpoint = Some(folder.join("checkpoint-first.jws"));
    sources.push(Subject { file: folder.join("checkpoint-last.vsb"), roots: None, checkpoint });
    sources
}

/// A bundle with one thing changed.
fn mutated(bundle: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = bundle.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let at = random.random_range(0..lines.len());
    let other = random.random_range(0..lines.len());
    match random.random_range(0..12) {
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
        8 => {
            let byte = random.random_range(0..lines[at].len());
            lines[at][byte] ^= 1 << random.random_range(0..8);
        }
        _ => lines[0] = with_another_token(&lines[0], random),
    }
    lines.concat()
}

/// A header with one of its tokens changed, left out, or there twice.
fn with_another_token(header: &[u8], random: &mut StdRng) -> Vec<u8> {
    let text = String::from_utf8(header.to_vec()).unwrap();
    let value: Value = serde_json::from_slice(header).unwrap();
    let Some(token) = value["tokens"].as_array().and_then(|tokens| tokens.choose(random)?.as_str()) else {
        return header.to_vec();
    };
    let mut bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
    let at = random.random_range(0..bytes.len());
    match random.random_range(0..8) {
        0 => drop(bytes.remove(at)),
        1 => bytes.insert(at, random.random()),
        2 => return text.replace(&format!("\"{token}\""), &format!("\"{token}\",\"{token}\"")).into_bytes(),
        3 => bytes[at] = random.random(),
        _ => bytes[at] ^= 1 << random.random_range(0..8),
    }
    text.replace(token, &URL_SAFE_NO_PAD.encode(bytes)).into_bytes()
}

/// All that a bundle says: its text without its tokens, and what these say. Of their bytes there are some that no signature covers.
fn says(file: &Path) -> (String, Vec<(String, String)>) {
    let text = String::from_utf8(std::fs::read(file).unwrap()).unwrap();
    let tokens = found(file).unwrap().tokens;
    let mut said: Vec<_> =
        tokens.iter().flatten().map(|token| (token.time().to_string(), token.tsa().to_owned())).collect();
    said.dedup();
    let rest = match text.split_once(",\"tokens\":[") {
        Some((before, behind)) => format!("{before}{}", behind.split_once(']').unwrap().1),
        None => text,
    };
    (rest, said)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_verifiers_agree_on_a_thousand_changed_bundles_of_which_none_is_verified() {
    let (site, tsas) = (Site::new().await, [TsaServer::start("First"), TsaServer::start("Second")]);
    let sources = sources(&site, &tsas).await;
    let texts: Vec<Vec<u8>> = sources.iter().map(|source| std::fs::read(&source.file).unwrap()).collect();
    let seed = std::env::var("VAULTSTREAM_BUNDLE_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    eprintln!("VAULTSTREAM_BUNDLE_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (mut subjects, mut origins) = (sources.clone(), (0..sources.len()).collect::<Vec<_>>());
    let changes = cases(0..1_400).len();
    while subjects.len() < changes + sources.len() {
        let origin = random.random_range(0..sources.len());
        let changed = mutated(&texts[origin], &mut random);
        if changed != texts[origin] {
            let file = site.dir.path().join(format!("{}.vsb", subjects.len()));
            std::fs::write(&file, changed).unwrap();
            subjects.push(Subject { file, ..sources[origin].clone() });
            origins.push(origin);
        }
    }
    let ours: Vec<u8> = subjects.iter().map(ours).collect();
    assert!(ours[..sources.len()].iter().all(|code| *code == 0), "{ours:?}");
    for (verifier, verdicts) in others(&subjects) {
        assert_eq!(verdicts.len(), subjects.len(), "{verifier}");
        for (subject, (one, other)) in subjects.iter().zip(ours.iter().zip(&verdicts)) {
            let text = String::from_utf8_lossy(&std::fs::read(&subject.file).unwrap()).into_owned();
            assert_eq!(one, other, "{verifier} differs on {subject:?}:\n{text}");
        }
    }
    for (subject, (origin, _)) in
        subjects.iter().zip(origins.iter().zip(&ours)).skip(sources.len()).filter(|(_, (_, code))| **code == 0)
    {
        let (said, was) = (says(&subject.file), says(&sources[*origin].file));
        assert_eq!((&said.0, &said.1), (&was.0, &was.1), "{subject:?} is verified and says something else");
    }
    let wrong_tokens = subjects
        .iter()
        .filter_map(|subject| found(&subject.file))
        .filter(|found| found.tokens.iter().any(Result::is_err));
    assert!(wrong_tokens.count() > changes / 28, "tokens are among what is changed");
    // Most of the changes leave a file that is still recognised as a bundle.
    assert!(ours.iter().filter(|code| **code == 1).count() > changes * 5 / 7, "{ours:?}");
}

/// A token of another job that the same authorities have confirmed is that of another receipt.
#[tokio::test(flavor = "multi_thread")]
async fn no_verifier_takes_the_token_of_another_job() {
    let (site, tsa) = (Site::new().await, TsaServer::start("TSA"));
    let anchors = format!("keys: {{count: 1}}\nanchors: {}", json!([{"tsa": tsa.url}]));
    let mut files = Vec::new();
    for job in ["one", "other"] {
        site.run(&generated(job, 20, &anchors)).end().await.assert_code(0);
        let file = site.dir.path().join(format!("{job}.vsb"));
        let export = site.ledger_command(&["export", "--job", job, "--bundle", file.to_str().unwrap()]);
        export.end().await.assert_code(0);
        files.push(file);
    }
    let [one, other] = [0, 1].map(|at| std::fs::read_to_string(&files[at]).unwrap());
    let token = |text: &str| {
        let header: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        header["tokens"][0].as_str().unwrap().to_owned()
    };
    let forged = site.dir.path().join("forged.vsb");
    std::fs::write(&forged, one.replace(&token(&one), &token(&other))).unwrap();
    for roots in [None, Some(tsa.authority.root())] {
        let subjects: Vec<Subject> = [&files[0], &forged]
            .map(|file| Subject { file: file.clone(), roots: roots.clone(), checkpoint: None })
            .to_vec();
        let verdicts = std::iter::once(("ours", subjects.iter().map(ours).collect())).chain(others(&subjects));
        for (verifier, verdicts) in verdicts {
            assert_eq!(verdicts, [0, 1], "{verifier} with the roots {roots:?}");
        }
    }
}
