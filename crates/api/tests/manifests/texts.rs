//! Texts as a whole: several documents, other documents, no YAML, and texts that are made to take long.

use vaultstream_api::{MAX_MANIFESTS, SigningJob};

use crate::{SOURCE, error, manifest};

#[test]
fn what_is_not_a_signing_job_is_refused() {
    for empty in ["", "---\n---\n", "# only a comment\n"] {
        assert_eq!(
            error(empty),
            "1:1: there is no SigningJob here: it begins with `apiVersion: vaultstream.dev/v1alpha1` and `kind: SigningJob`",
            "{empty:?}"
        );
    }
    assert_eq!(
        error("apiVersion: v1\nkind: ConfigMap\ndata: {}\n"),
        "2:1: kind is ConfigMap: only a SigningJob can be run here: remove this document from the file"
    );
    assert_eq!(
        error("- 1\n"),
        "1:1: the document is [1]: it must be a SigningJob, beginning with `apiVersion: vaultstream.dev/v1alpha1` and `kind: SigningJob`"
    );
    let headers = [
        ("v1alpha1", "v1", "1:1: apiVersion is vaultstream.dev/v1: write `apiVersion: vaultstream.dev/v1alpha1`"),
        (
            "apiVersion: vaultstream.dev/v1alpha1\n",
            "",
            "1:1: apiVersion is missing: add `apiVersion: vaultstream.dev/v1alpha1`",
        ),
        ("kind: SigningJob\n", "", "1:1: kind is missing: add `kind: SigningJob`"),
        ("kind: SigningJob", "kind: signingjob", "2:1: kind is signingjob: write `kind: SigningJob`"),
        ("kind: SigningJob", "kind: SigningJobs", "2:1: kind is SigningJobs: write `kind: SigningJob`"),
    ];
    for (from, to, sentence) in headers {
        assert_eq!(error(&manifest(SOURCE).replacen(from, to, 1)), sentence, "{to}");
    }
}

#[test]
fn text_that_is_not_yaml_is_refused_with_line_and_column() {
    let cases = [
        ("a: [1, 2", "the bracket [ is never closed"),
        ("a: [1}", "the bracket [ is closed by }"),
        ("a: ]", "this bracket was never opened"),
        ("a: {b: 1 c: 2}", "1:11: not valid YAML: a `,` or `}` is missing"),
        ("a: b: c", "1:5: not valid YAML: a second `: ` in this line; put the value in quotes, or begin a new line"),
        ("a:\n\tb: 1", "2:1: not valid YAML: a tab is used for indentation; use spaces"),
        // A tab behind the error is not its cause.
        ("a: b: c\n\td", "1:5: not valid YAML: a second `: ` in this line"),
        ("a:\n  b: 1\n c: 2", "3:2: not valid YAML: the indentation of this line fits no line above it"),
        ("a: \"x", "1:4: not valid YAML: the quote that begins here is never closed"),
        ("a: @x", "1:4: not valid YAML: a value cannot begin with @; put it in quotes"),
        ("a: *x", "1:4: no anchor of this alias is defined before it"),
        ("a: &x [*x]", "this alias contains itself: write the value out"),
        ("a: !x y", "the tag !x has no meaning in a SigningJob: remove it"),
        ("? [a]\n: b", "a field's name must be plain text"),
        ("a: 1\na: 2\n", "2:1: a is given twice, first in line 1: remove one"),
        ("a: &x {b: 1}\nc: {<<: *x}", "merge keys (<<) are not supported: write the fields out"),
    ];
    let wrong: Vec<_> = cases
        .iter()
        .map(|(broken, sentence)| (broken, sentence, error(broken)))
        .filter(|(_, sentence, told)| !told.lines().any(|line| line.contains(**sentence)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Each of these took minutes, or all memory, before nesting, aliases and size were bounded.
#[test]
fn a_text_made_to_take_long_is_refused_at_once() {
    let bomb: String =
        (1..40).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "))).collect();
    let deep = "nested too deeply: a SigningJob never needs more than 64 levels";
    let blocks: String = (0..2000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    let chain: String = (1..100).map(|n| format!("a{n}: &a{n} {{b: *a{}}}\n", n - 1)).collect();
    let cases = [
        ("[".repeat(200_000), deep),
        ("{a: ".repeat(200_000), deep),
        ("- ".repeat(200_000), deep),
        (blocks, deep),
        (format!("a0: &a0 x\n{chain}"), deep),
        (format!("a0: &a0 x\n{bomb}"), "aliases repeat more than 10000 values: write fewer of them"),
        ("a".repeat(MAX_MANIFESTS + 1), "1:1: longer than 8 MiB: split it into several files"),
    ];
    for (text, sentence) in cases {
        let begun = std::time::Instant::now();
        let told = error(&text);
        println!("{:?}: {sentence}", begun.elapsed());
        assert!(told.contains(sentence), "{sentence}: {told}");
    }
    let many: String = (0..100_000).map(|n| format!("  field{n}: 1\n")).collect();
    let told = error(&format!("{}{many}", manifest(SOURCE)));
    assert_eq!(told.lines().count(), 50, "{told}");
}

#[test]
fn several_documents_are_several_jobs_in_their_order() {
    let two = format!(
        "---\n{}---\n{}---\n# nothing more\n",
        manifest(SOURCE),
        manifest(SOURCE).replace("name: test", "name: other")
    );
    let names: Vec<_> =
        SigningJob::parse_manifests(&two).unwrap().into_iter().filter_map(|job| job.metadata.name).collect();
    assert_eq!(names, ["test", "other"]);

    let twice = format!("{}---\n{}", manifest(SOURCE), manifest(SOURCE));
    assert_eq!(error(&twice), "11:3: the SigningJob default/test is in line 4 already: give this one another name");
    let elsewhere = manifest(SOURCE).replace("name: test", "name: test\n  namespace: other");
    assert!(SigningJob::parse_manifests(&format!("{}---\n{elsewhere}", manifest(SOURCE))).is_ok());
}
