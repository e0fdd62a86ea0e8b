//! Data keys that a KMS v2 plugin wraps, over gRPC on a unix socket. The plugin is ours; the server of the protocol in it is Kubernetes' own.

use vaultstream_custody::{WrapperError, kms};
use vaultstream_signing::{Digest, WrappedKey};

use crate::harness::{KmsPlugin, Site, assert_signed_exactly_once, generated, quick};

const SPEC: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 60, duration: 5s}}\nconcurrency: {signers: 2}";

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_signed_under_a_key_of_a_kms_plugin_which_each_worker_calls_once() {
    let Some(mut plugin) = KmsPlugin::start().await else { return };
    let site = Site::new().await;
    let slow = format!("{SPEC}\nworkers: {{maxRecordsPerSecond: 100}}");
    let seeded = site.seed(&generated("job", 1800, &slow)).await;
    plugin.give_to(&site);
    let job = seeded.drive(quick());
    let first = site.worker(job.uid).await.start();
    site.until_signed(60).await;
    // The key of the ledger's first job is registered with a canary, and the data key wrapped again.
    assert_eq!((plugin.calls("encrypt"), plugin.calls("decrypt")), (2, 0));
    assert_eq!(site.text("SELECT kek_id FROM vaultstream.data_keys").await, "kms:first");
    plugin.kill();
    let second = site.worker(job.uid).await.start();
    second.until_unready().await;
    let (code, told) = site.end_of_worker("2s").await;
    assert!(code == Some(1) && told.starts_with("KeyServiceUnavailable: "), "{told}");
    let then = site.signed().await;
    site.until_signed(then + 100).await;
    plugin.come_back().await;
    drop(first);
    job.complete().await;
    assert!(second.stderr().contains("the dependency is back"), "{}", second.stderr());
    assert_eq!((plugin.calls("encrypt"), plugin.calls("decrypt")), (2, 1));
    assert_signed_exactly_once(&site, "job", 1800).await;
}

/// What a worker's termination message says of each fault of the plugin: the reason of a condition, and why.
async fn assert_told(site: &Site, plugin: &KmsPlugin, faults: &[(&str, &str, &str)]) {
    for (fault, reason, why) in faults {
        plugin.fault(fault);
        let (code, told) = site.end_of_worker("1s").await;
        let expected = if *reason == "KeyServiceUnavailable" { 1 } else { 2 };
        assert!(told.starts_with(&format!("{reason}: ")) && told.contains(why), "{fault}: {told}");
        assert!(code == Some(expected) || *reason == "KeyServiceRefused", "{fault}: {code:?}");
    }
    plugin.fault("");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kms_plugin_that_denies_or_hangs_or_names_another_key_is_told_with_the_reason_and_nothing_is_lost() {
    let Some(plugin) = KmsPlugin::start().await else { return };
    let site = Site::new().await;
    let seeded = site.seed(&generated("job", 300, SPEC)).await;
    plugin.give_to(&site);
    let job = seeded.drive(quick());
    let of_any_call = [
        ("deny", "KeyServiceRefused", "PermissionDenied: the policy of the key store does not allow it"),
        ("error", "KeyServiceUnavailable", "the key store cannot be reached"),
    ];
    assert_told(&site, &plugin, &of_any_call).await;
    let of_a_new_key = [
        ("id", "KeyServiceRefused", "it encrypts with another key than its status names"),
        ("version", "KeyServiceRefused", "it speaks \"v1beta1\", and not v2"),
        ("health", "KeyServiceUnavailable", "its health is \"the key store is locked\""),
        ("slow", "KeyServiceUnavailable", "no response to Encrypt within 5 s"),
    ];
    assert_told(&site, &plugin, &of_a_new_key).await;
    assert_eq!(site.number("SELECT count(wrapped_key) FROM vaultstream.data_keys").await, 0);
    let worker = site.worker(job.uid).await.fault("after-commit:2=kill").start();
    worker.end().await.assert_killed("after-commit");
    assert_told(&site, &plugin, &of_any_call).await;
    assert_told(&site, &plugin, &[("slow", "KeyServiceUnavailable", "no response to Decrypt within 5 s")]).await;
    let worker = site.worker(job.uid).await.start();
    job.complete().await;
    drop(worker);
    assert_signed_exactly_once(&site, "job", 300).await;
}

/// Plugins respond to a ciphertext of another key with an error or with any text.
#[tokio::test(flavor = "multi_thread")]
async fn another_key_of_a_kms_plugin_under_the_same_id_is_told_from_a_damaged_data_key() {
    let Some(plugin) = KmsPlugin::start().await else { return };
    let site = Site::new().await;
    let seeded = site.seed(&generated("job", 300, SPEC)).await;
    plugin.give_to(&site);
    let job = seeded.drive(quick());
    let worker = site.worker(job.uid).await.fault("after-commit:2=kill").start();
    worker.end().await.assert_killed("after-commit");

    let other_key = "has another key than the one of the same id that wrapped this";
    assert_told(&site, &plugin, &[("other", "WrongKek", other_key)]).await;
    let first = plugin.replace_key("first", &[7; 32]);
    assert_told(&site, &plugin, &[("", "WrongKek", other_key)]).await;
    plugin.replace_key("first", &first);

    let flip = "ALTER TABLE vaultstream.data_keys DISABLE TRIGGER USER;
         UPDATE vaultstream.data_keys SET wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1);
         ALTER TABLE vaultstream.data_keys ENABLE TRIGGER USER;";
    site.execute(flip).await;
    let (code, told) = site.end_of_worker("1s").await;
    assert!(code == Some(1) && told.starts_with("KeysDamaged: the job's data key is damaged in the ledger"), "{told}");
    site.execute(flip).await;
    let worker = site.worker(job.uid).await.start();
    job.complete().await;
    drop(worker);
    assert_signed_exactly_once(&site, "job", 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_keys_move_from_a_file_to_a_kms_plugin_and_to_its_next_key() {
    let Some(plugin) = KmsPlugin::start().await else { return };
    let site = Site::new().await;
    let manifest = generated("job", 300, SPEC);
    site.run(&manifest).fault("after-commit:2=kill").end().await.assert_killed("after-commit");
    let url = plugin.url();
    let old = site.kek();
    let rewrap = |further: &[&str]| site.ledger_command(&["keys", "rewrap", "--kek-url", &url]).args(further).end();
    rewrap(&["--old-kek-file", old.to_str().unwrap()]).await.assert_code(0);
    let kek = "SELECT kek_id FROM vaultstream.data_keys";
    assert_eq!(site.text(kek).await, "kms:first");
    let long = "x".repeat(200);
    plugin.rotate(&long);
    rewrap(&[]).await.assert_code(0);
    let second = site.text(kek).await;
    assert!(second.starts_with("kms:") && second.len() == 36, "{second}");
    let run = || site.run_without_kek(&manifest).args(&["--kek-url", &url]).end();
    plugin.fault("deny");
    let denied = run().await;
    assert!(
        denied.assert_code(2).stderr.contains("the policy of the key store does not allow it"),
        "{}",
        denied.stderr
    );
    plugin.fault("");
    run().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 300).await;
}

/// The protocol binds a ciphertext to nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_a_kms_plugin_wrapped_opens_for_its_own_purpose_only() {
    let Some(plugin) = KmsPlugin::start().await else { return };
    let kms = kms(&plugin.url()).unwrap();
    let secret = [7; 32];
    let wrapped = kms.wrap(b"one", &secret).await.unwrap();
    assert_eq!(*kms.unwrap(b"one", &wrapped).await.unwrap(), secret);
    plugin.rotate("second");
    assert_eq!(kms.wrap(b"one", &secret).await.unwrap().kek_id.as_str(), "kms:second");
    assert_eq!(*kms.unwrap(b"one", &wrapped).await.unwrap(), secret, "it has its earlier key");
    let open = async |aad: &[u8], bytes: Vec<u8>| kms.unwrap(aad, &WrappedKey { bytes, ..wrapped.clone() }).await;
    let damaged = async |aad: &[u8], bytes: Vec<u8>| {
        let opened = open(aad, bytes).await;
        assert!(matches!(opened, Err(WrapperError::Damaged)), "{opened:?}");
    };
    // Who can write the ledger can compute the checksum, too.
    let forged = async |aad: &[u8], written: &[u8]| {
        let opened = open(aad, with_checksum(aad, written)).await;
        assert!(opened.is_err(), "{written:?}");
        opened.unwrap_err()
    };
    let (written, _) = wrapped.bytes.split_last_chunk::<32>().unwrap();
    assert_eq!(with_checksum(b"one", written), wrapped.bytes);
    damaged(b"other", wrapped.bytes.clone()).await;
    let refused = forged(b"other", written).await;
    assert!(matches!(refused, WrapperError::OtherKey(_)), "{refused:?}");
    for bit in 0..wrapped.bytes.len() * 8 {
        let mut bytes = wrapped.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if bit < written.len() * 8 {
            forged(b"one", &bytes[..written.len()]).await;
        }
        damaged(b"one", bytes).await;
    }
    for length in 0..wrapped.bytes.len() {
        damaged(b"one", wrapped.bytes[..length].to_vec()).await;
        if length < written.len() {
            forged(b"one", &written[..length]).await;
        }
    }
    // A field that no plugin sees counts, too: number 15, with the value 1.
    let (length, rest) = written.split_first_chunk::<2>().unwrap();
    let length = u16::from_be_bytes(*length);
    let (blob, sealed) = rest.split_at(length.into());
    let refused = forged(b"one", &[&(length + 2).to_be_bytes()[..], blob, &[0x78, 1], sealed].concat()).await;
    assert!(matches!(refused, WrapperError::OtherKey(_)), "{refused:?}");
    assert!(matches!(kms.wrap(b"one", &[7; 34]).await, Err(WrapperError::TooLong(34))));
}

/// As docs/formats.md has it.
fn with_checksum(aad: &[u8], written: &[u8]) -> Vec<u8> {
    let sum = Digest::of(&[&b"vaultstream/kms/v1\0"[..], written, aad].concat());
    [written, &sum.0].concat()
}
