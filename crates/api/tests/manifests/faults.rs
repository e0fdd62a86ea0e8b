//! Faults of fields: each is one sentence, with the field, the value and the remedy.

use vaultstream_api::{Manifest, SigningJob, SigningJobSpec, Source};

use crate::{SOURCE, error, manifest, spec_error};

/// Each line, after a source, has one mistake, which is explained in this sentence.
fn assert_told<const N: usize>(cases: [(&str, &str); N]) {
    for (line, sentence) in cases {
        let told = spec_error(&format!("{SOURCE}\n{line}"));
        let (_, after) = told.split_once(": ").unwrap();
        assert_eq!(after, sentence, "{line}");
    }
}

#[test]
fn a_wrong_number_is_told_in_one_sentence_with_its_field_and_the_remedy() {
    assert_told([
        ("batchSize: 0", "spec.batchSize is 0: it must be from 1 to 100000"),
        ("batchSize: 100001", "spec.batchSize is 100001: it must be from 1 to 100000"),
        ("batchSize: many", "spec.batchSize is \"many\": it must be a whole number, in digits only"),
        ("batchSize: '1000'", "spec.batchSize is \"1000\": remove the quotes"),
        ("batchSize: '0'", "spec.batchSize is \"0\": it must be from 1 to 100000"),
        ("batchSize: 0500", "spec.batchSize is \"0500\": write it in digits only: 500"),
        ("batchSize: 1.5", "spec.batchSize is 1.5: it must be a whole number"),
        ("batchSize: 1e3", "spec.batchSize is 1000.0: write it in digits only: 1000"),
        ("batchSize: 1_000", "spec.batchSize is \"1_000\": write it in digits only: 1000"),
        ("batchSize: 1,000", "spec.batchSize is \"1,000\": write it in digits only: 1000"),
        ("batchSize: 10k", "spec.batchSize is \"10k\": write it in digits only: 10000"),
        ("batchSize: [1]", "spec.batchSize is [1]: it must be a whole number"),
        ("batchSize: -1", "spec.batchSize is -1: it must be from 1 to 100000"),
        ("batchSize: 18446744073709551615", "spec.batchSize is 18446744073709551615: it must be from 1 to 100000"),
        ("batchSize: 100000000000000000000", "spec.batchSize is 1e+20: it must be from 1 to 100000"),
        ("keys: {count: 10001}", "spec.keys.count is 10001: it must be from 1 to 10000"),
        (
            "keys: {maxSignatures: 499}",
            "spec.keys.maxSignatures is 499: one key signs a whole batch, so it must be at least spec.batchSize, which is 500",
        ),
        (
            "maxRejected: half",
            "spec.maxRejected is half: it must be a whole number of records, or a whole percentage such as 1%",
        ),
        ("maxRejected: 1.5", "spec.maxRejected is 1.5: it must be a whole number"),
        ("maxRejected: [1]", "spec.maxRejected is [1]: it must be a whole number or text"),
        (
            "workers: {minReplicas: 11}",
            "spec.workers.minReplicas is 11: it must not be above spec.workers.maxReplicas, which is 10",
        ),
    ]);
}

#[test]
fn a_value_where_fields_belong_is_told_in_one_sentence_with_its_field_and_the_remedy() {
    assert_told([
        ("keys: 5", "spec.keys is 5: write `keys: {count: 5}`"),
        (
            "keys: many",
            "spec.keys is \"many\": it must be an object; its fields are count, lease, maxSignatures and retain",
        ),
        (
            "keys: [{count: 5}]",
            "spec.keys is [{\"count\":5}]: it must have fields, and is a list: remove the `- ` or the brackets",
        ),
        ("keys: {lease: 30s}", "spec.keys.lease is \"30s\": write `lease: {duration: 30s}`"),
        ("keys: {lease: 500}", "spec.keys.lease is 500: write `lease: {records: 500}`"),
        (
            "keys: {lease: soon}",
            "spec.keys.lease is \"soon\": it must be an object; its fields are duration and records",
        ),
        ("workers: 3", "spec.workers is 3: write `workers: {maxReplicas: 3}`"),
        ("concurrency: 8", "spec.concurrency is 8: it must be an object; its fields are keys, records and signers"),
    ]);
}

#[test]
fn a_wrong_duration_is_told_in_one_sentence_with_its_field_and_the_remedy() {
    assert_told([
        (
            "keys: {lease: {duration: 60}}",
            "spec.keys.lease.duration is 60: add a unit, such as 60s (units are h, m, s and ms)",
        ),
        (
            "retry: {maxBackoff: '30'}",
            "spec.retry.maxBackoff is 30: add a unit, such as 30s (units are h, m, s and ms)",
        ),
        ("retry: {maxBackoff: 30 seconds}", "spec.retry.maxBackoff is 30 seconds: write 30s"),
        ("ttlAfterFinished: 7d", "spec.ttlAfterFinished is 7d: write 168h"),
        ("ttlAfterFinished: 1.5 hours", "spec.ttlAfterFinished is 1.5 hours: write 1.5h"),
        ("ttlAfterFinished: 2 weeks", "spec.ttlAfterFinished is 2 weeks: write 336h"),
        ("retry: {maxBackoff: 90 mins}", "spec.retry.maxBackoff is 90 mins: write 90m"),
        ("retry: {maxBackoff: 500 msec}", "spec.retry.maxBackoff is 500 msec: write 500ms"),
        (
            "keys: {lease: {duration: soon}}",
            "spec.keys.lease.duration is soon: it must be a duration with units h, m, s or ms, such as 60s, 200ms or 1h30m",
        ),
        ("keys: {lease: {duration: 4s}}", "spec.keys.lease.duration is 4s: it must be from 5s to 1h"),
        (
            "retry: {initialBackoff: 1m}",
            "spec.retry.initialBackoff is 1m: it must not be above spec.retry.maxBackoff, which is 30s",
        ),
    ]);
}

#[test]
fn a_wrong_authority_is_told_in_one_sentence_with_its_field_and_the_remedy() {
    const URL: &str = "it must be an http or https URL without a user, such as https://tsa.example.com/tsr";
    let wrong =
        |value: &str| (format!("anchors: [{{tsa: '{value}'}}]"), format!("spec.anchors[0].tsa is {value}: {URL}"));
    let urls = [
        "tsa.example.com",
        "ftp://tsa.example.com/",
        "https://me:secret@tsa.example.com/",
        "https://a b/",
        "https://a/#b",
    ];
    let urls = urls.map(wrong);
    assert_told(urls.each_ref().map(|(spec, told)| (spec.as_str(), told.as_str())));
    assert_told([
        ("anchors: [{policy: 1.2.3}]", "spec.anchors[0].tsa is missing: add it"),
        (
            "anchors: [{tsa: 'http://a/', policy: 'yes please'}]",
            "spec.anchors[0].policy is yes please: it must be an object identifier: numbers with dots between them, such as 1.3.6.1.4.1.4146.2.3",
        ),
        (
            "anchors: [{tsa: 'http://a/'}, {tsa: 'http://a/'}]",
            "spec.anchors[1].tsa is http://a/: an item before it has the same: remove one",
        ),
        (
            "anchors: [{tsa: 'http://a/1'}, {tsa: 'http://a/2'}, {tsa: 'http://a/3'}, {tsa: 'http://a/4'}, {tsa: 'http://a/5'}, {tsa: 'http://a/6'}]",
            "spec.anchors has 6 items: at most 5 are possible",
        ),
    ]);
}

#[test]
fn a_wrong_text_or_switch_is_told_in_one_sentence_with_its_field_and_the_remedy() {
    assert_told([
        ("signing: {nonce: Random}", "spec.signing.nonce is Random: it must be Hedged or Deterministic"),
        (
            "signing: {nonce: hedged}",
            "spec.signing.nonce is hedged: did you mean Hedged? It must be Hedged or Deterministic",
        ),
        ("signing: {message: ''}", "spec.signing.message is empty: it must be Payload or Bound"),
        ("suspend: 'yes'", "spec.suspend is \"yes\": write true"),
        ("suspend: off", "spec.suspend is \"off\": write false"),
        ("suspend: 'true'", "spec.suspend is \"true\": remove the quotes"),
        ("suspend: 'TRUE'", "spec.suspend is \"TRUE\": write true"),
        ("suspend: later", "spec.suspend is \"later\": write true or false"),
        ("suspend: 1", "spec.suspend is 1: write true or false"),
        (
            "connectionSecret: My_Secret",
            "spec.connectionSecret is My_Secret: it must be lower-case letters, digits, '-' and '.', with a letter or digit at both ends of every part",
        ),
        ("connectionSecret: ''", "spec.connectionSecret is empty: give it a value"),
        (
            "connectionSecret: \"\\e[2J\"",
            "spec.connectionSecret is \\u{1b}[2J: it must be lower-case letters, digits, '-' and '.', with a letter or digit at both ends of every part",
        ),
    ]);
}

#[test]
fn a_wrong_pod_template_is_told_in_one_sentence_with_its_field_and_the_remedy() {
    assert_told([
        (
            "workers: {template: {tolerations: {}}}",
            "spec.workers.template.tolerations is {}: it must be a list: begin each entry with `- `",
        ),
        (
            "workers: {template: {tolerations: 5}}",
            "spec.workers.template.tolerations is 5: it must be a list: write each entry in a line of its own, after `- `",
        ),
        ("workers: {template: {labels: 5}}", "spec.workers.template.labels is 5: it must be pairs of names and values"),
        ("workers: {template: }", "spec.workers.template has no value: add one, or remove the field"),
        (
            "workers: {template: {env: [{name: A, value: 5}]}}",
            "spec.workers.template.env[0].value is 5: it must be text: write \"5\", with the quotes",
        ),
        (
            "workers: {template: {env: [{name: A, value: [5]}]}}",
            "spec.workers.template.env[0].value is [5]: it must be text",
        ),
        (
            "workers: {template: {env: [{name: A}, {name: A}]}}",
            "spec.workers.template.env[1].name is A: an item before it has the same: remove one",
        ),
        (
            "workers: {template: {env: [{name: LD_PRELOAD}]}}",
            "spec.workers.template.env[0].name is LD_PRELOAD: this variable belongs to the worker, its loader or its libraries: remove it",
        ),
        (
            "workers: {template: {labels: {vaultstream.dev/job: x}}}",
            "spec.workers.template.labels[vaultstream.dev/job] is x: names under vaultstream.dev/ belong to the operator: choose another",
        ),
        (
            "workers: {template: {resources: {limits: {memory: much}}}}",
            "spec.workers.template.resources.limits[memory] is much: it must be a Kubernetes quantity such as 500m, 2 or 128Mi",
        ),
    ]);
}

#[test]
fn an_unknown_field_is_told_where_it_belongs() {
    assert_told([
        ("batchsize: 5", "spec.batchsize: unknown field; did you mean batchSize?"),
        ("batch_size: 5", "spec.batch_size: unknown field; did you mean batchSize?"),
        ("batch-size: 5", "spec.batch-size: unknown field; did you mean batchSize?"),
        ("keys: {leese: {}}", "spec.keys.leese: unknown field; did you mean lease?"),
        (
            "keys: {max: 5}",
            "spec.keys.max: unknown field; remove it; the fields here are count, lease, maxSignatures and retain",
        ),
        ("targetBacklog: 5", "spec.targetBacklog: unknown field; it belongs under spec.autoscaling"),
        ("target_backlog: 5", "spec.target_backlog: unknown field; it belongs under spec.autoscaling"),
        ("nonce: Hedged", "spec.nonce: unknown field; it belongs under spec.signing"),
        ("table: {}", "spec.table: unknown field; it belongs under spec.source"),
        ("env: []", "spec.env: unknown field; it belongs under spec.workers.template"),
        (
            "records: 5",
            "spec.records: unknown field; it belongs under spec.concurrency, spec.deletionPolicy, spec.follow.checkpoint, spec.keys.lease or spec.source.generate",
        ),
        ("keys: {batchSize: 5}", "spec.keys.batchSize: unknown field; it belongs under spec"),
        (
            "workers: {template: {affinity: {nodeAffinity: {requires: {}}}}}",
            "spec.workers.template.affinity.nodeAffinity.requires: unknown field; remove it; the fields here are preferredDuringSchedulingIgnoredDuringExecution and requiredDuringSchedulingIgnoredDuringExecution",
        ),
    ]);
    assert_eq!(
        error(&format!("{}batchSize: 1\n", manifest(SOURCE))),
        "7:1: batchSize: unknown field; it belongs under spec"
    );
}

#[test]
fn mistakes_in_the_source_are_explained() {
    let cases = [
        ("{}", "spec.source is empty: add either generate or table"),
        ("7", "spec.source is 7: it must be an object; its fields are generate and table"),
        (
            "{generate: {records: 1}, table: {name: t, key: id, payload: p}}",
            "spec.source has both generate and table: keep one of them",
        ),
        ("{generate: {}}", "spec.source.generate.records is missing: add it"),
        ("{table: orders}", "spec.source.table is \"orders\": write `table: {name: orders}`"),
        ("{generate: 1000}", "spec.source.generate is 1000: write `generate: {records: 1000}`"),
        ("{generate: {records: \"1000\"}}", "spec.source.generate.records is \"1000\": remove the quotes"),
        ("{generate: {record: 10}}", "spec.source.generate.record: unknown field; did you mean records?"),
        ("{generate: {records: 0}}", "spec.source.generate.records is 0: it must be from 1 to 500000000000"),
        (
            "{generate: {records: 1000000, payloadBytes: 2000000}}",
            "spec.source.generate.payloadBytes is 2000000: it must be from 0 to 1048576",
        ),
        (
            "{table: {schema: pg_catalog, name: t, key: id, payload: p}}",
            "spec.source.table.schema is pg_catalog: tables of the system and of VaultStream itself cannot be signed: name another schema",
        ),
        (
            "{table: {name: \"a\\tb\", key: id, payload: p}}",
            "spec.source.table.name is a\\tb: it must be a name as Postgres spells it, without quotes or control characters",
        ),
        (
            "{table: {name: t, key: id, columns: [a, b, a]}}",
            "spec.source.table.columns[2] is a: it is in the list already: name it once",
        ),
        ("{table: {name: t, key: id, columns: []}}", "spec.source.table.columns has 0 items: it needs at least 1"),
        (
            "{table: {name: t, key: id, columns: [a], payload: p}}",
            "spec.source.table has both payload and columns: keep one of them",
        ),
        (
            "{table: {name: t, key: id, payload: p, json: jcs}}",
            "spec.source.table.json is jcs: did you mean JCS? It must be Text or JCS",
        ),
        (
            "{table: {name: t, keyColumns: [], payload: p}}",
            "spec.source.table.keyColumns has 0 items: it needs at least 1",
        ),
        (
            "{table: {name: t, keyColumns: [a, b, a], payload: p}}",
            "spec.source.table.keyColumns[2] is a: it is in the list already: name it once",
        ),
        (
            "{table: {name: t, key: id, keyColumns: [id], payload: p}}",
            "spec.source.table has both key and keyColumns: keep one of them",
        ),
        ("{file: x}", "spec.source.file: unknown field; remove it; the fields here are generate and table"),
        ("{tabel: {name: t}}", "spec.source.tabel: unknown field; did you mean table?"),
    ];
    for (source, sentence) in cases {
        let told = spec_error(&format!("source: {source}"));
        let (_, after) = told.split_once(": ").unwrap();
        assert_eq!(after, sentence, "{source}");
    }
    assert_eq!(
        spec_error("source: {table: {name: t}}"),
        "6:12: spec.source.table has neither payload nor columns: add one of them"
    );
    assert_eq!(spec_error("batchSize: 5"), "5:1: spec.source is missing: add it");
    let many = "source: {generate: {records: 5000001}}\nbatchSize: 1";
    assert_eq!(
        spec_error(many),
        "7:3: spec.batchSize is 1: 5000001 records would be 5000001 batches, and 5000000 is the limit: make it at least 2"
    );
}

#[test]
fn mistakes_around_the_spec_are_explained() {
    let no_name = manifest(SOURCE).replace("  name: test", "  namespace: x");
    assert_eq!(error(&no_name), "3:1: metadata.name is missing: add a name for the job");
    let no_metadata = manifest(SOURCE).replace("metadata:\n  name: test\n", "");
    assert_eq!(error(&no_metadata), "1:1: metadata.name is missing: add a name for the job");
    let only_a_name = manifest(SOURCE).replace("metadata:\n  name: test\n", "metadata: test\n");
    assert_eq!(error(&only_a_name), "3:1: metadata is \"test\": write `metadata: {name: …}`");
    let capital = manifest(SOURCE).replace("name: test", "name: Test");
    let label = "it must be at most 40 lower-case letters, digits and '-', with a letter or digit at both ends";
    assert_eq!(error(&capital), format!("4:3: metadata.name is Test: {label}"));
    let namespace = manifest(SOURCE).replace("name: test", "name: test\n  namespace: a/b");
    assert!(error(&namespace).starts_with("5:3: metadata.namespace is a/b: it must be at most 63"));
    let unknown = manifest(SOURCE).replace("name: test", "name: test\n  label: {}");
    assert_eq!(error(&unknown), "5:3: metadata.label: unknown field; did you mean labels?");
    assert_eq!(
        error(&format!("{}extra: 1\n", manifest(SOURCE))),
        "7:1: extra: unknown field; remove it; the fields here are apiVersion, kind, metadata, spec and status"
    );
    for no_spec in ["", "spec:\n"] {
        let told =
            error(&format!("apiVersion: vaultstream.dev/v1alpha1\nkind: SigningJob\nmetadata: {{name: a}}\n{no_spec}"));
        assert!(told.ends_with(": spec is missing: add it, with at least `source`"), "{told}");
    }
}

#[test]
fn all_faults_of_all_documents_are_told_at_once_each_in_its_line() {
    let text = format!(
        "{}---\na: [\n---\n{}",
        manifest("source: {generate: {records: 0}}\nbatchSize: 0\nkey: {}"),
        manifest("source:\n  generate: {records: 1}\n  more: 1").replace("v1alpha1", "v1")
    );
    let told = error(&text);
    let places: Vec<_> = told.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        places,
        [
            "6:23: spec.source.generate.records",
            "7:3: spec.batchSize",
            "8:3: spec.key:",
            "10:4: not",
            "12:1: apiVersion",
            "19:5: spec.source.more:"
        ],
        "{told}"
    );
}

#[test]
fn a_notation_that_no_duration_has_is_not_translated() {
    for text in ["s", "1.s", ".5s", "'.5'", "1.5 days", "5 moons"] {
        let told = spec_error(&format!("{SOURCE}\nretry: {{maxBackoff: {text}}}"));
        assert!(
            told.ends_with("it must be a duration with units h, m, s or ms, such as 60s, 200ms or 1h30m"),
            "{told}"
        );
    }
}

/// Its fields say nothing yet, so nothing is made of them: here a name that is given twice.
#[test]
fn a_job_with_a_fault_is_not_compared_with_others() {
    let faulty = format!("{}extra: 1\n", manifest(SOURCE));
    let told = error(&format!("{faulty}---\n{faulty}"));
    let places: Vec<_> = told.lines().filter_map(|line| line.split(" unknown field").next()).collect();
    assert_eq!(places, ["7:1: extra:", "15:1: extra:"], "{told}");
}

#[test]
fn a_fault_is_a_position_and_a_sentence_for_programs() {
    let told = SigningJob::parse_manifests(&manifest(&format!("{SOURCE}\nbatchSize: 0"))).unwrap_err();
    let found: Vec<_> = told.faults().iter().map(|fault| (fault.position().to_string(), fault.sentence())).collect();
    assert_eq!(found, [("7:3".to_owned(), "spec.batchSize is 0: it must be from 1 to 100000")]);
    let manifest = Manifest::read_all(&manifest(&format!("{SOURCE}\nsuspend: true"))).unwrap().remove(0);
    let own = manifest.fault("spec.suspend", true, "only a cluster can resume it");
    assert_eq!(own.to_string(), "7:3: spec.suspend is true: only a cluster can resume it");
}

#[test]
fn a_spec_that_a_program_made_is_checked_by_its_schema_and_its_rules() {
    let Source::Generate(generate) = SigningJob::parse_manifests(&manifest(SOURCE)).unwrap().remove(0).spec.source
    else {
        panic!("another source");
    };
    let mut spec = SigningJobSpec::new(Source::Generate(generate));
    assert_eq!(spec.validate(), Ok(()));
    spec.batch_size = 0;
    spec.workers.min_replicas = 11;
    let paths: Vec<_> = spec.validate().unwrap_err().iter().map(|error| error.path().to_owned()).collect();
    assert_eq!(paths, ["spec.batchSize", "spec.workers.minReplicas"]);
}
