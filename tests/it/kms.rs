//! Data keys that a KMS v2 plugin wraps, over gRPC on a unix socket. The plugin is ours; the server of the protocol in it is Kubernetes' own.

use vaultstream_custody::{WrapperError, kms};
use vaultstream_signing::WrappedKey;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_kms_plugin_that_denies_or_encrypts_with_another_key_is_told_with_the_reason_and_nothing_is_lost() {
    let Some(plugin) = KmsPlugin::start().await else { return };
    let site = Site::new().await;
    let seeded = site.seed(&generated("job", 300, SPEC)).await;
    plugin.give_to(&site);
    let job = seeded.drive(quick());
    for (fault, reason, why) in [
        ("deny", "KeyServiceRefused", "PermissionDenied: the policy of the key store does not allow it"),
        ("id", "KeyServiceRefused", "it encrypts with another key than its status names"),
        ("version", "KeyServiceRefused", "it speaks \"v1beta1\", and not v2"),
        ("health", "KeyServiceUnavailable", "its health is \"the key store is locked\""),
        ("error", "KeyServiceUnavailable", "the key store cannot be reached"),
        ("slow", "KeyServiceUnavailable", "no response to Encrypt within 5 s"),
    ] {
        plugin.fault(fault);
        let (code, told) = site.end_of_worker("1s").await;
        assert!(matches!(code, Some(1 | 2)), "{fault}: {code:?}");
        assert!(told.starts_with(reason) && told.contains(why), "{fault}: {told}");
    }
    assert_eq!(site.number("SELECT count(wrapped_key) FROM vaultstream.data_keys").await, 0);
    plugin.fault("");
    let worker = site.worker(job.uid).await.fault("after-commit:2=kill").start();
    worker.end().await.assert_killed("after-commit");
    plugin.fault("other");
    let (code, told) = site.end_of_worker("1s").await;
    assert!(code == Some(1) && told.starts_with("KeysDamaged"), "{told}");
    plugin.fault("");
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
    site.run_without_kek(&manifest).args(&["--kek-url", &url]).end().await.assert_code(0);
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
    let opened = kms.unwrap(b"other", &wrapped).await;
    assert!(matches!(opened, Err(WrapperError::Damaged)), "{opened:?}");
    for bit in 0..wrapped.bytes.len() * 8 {
        let mut bytes = wrapped.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let opened = kms.unwrap(b"one", &WrappedKey { bytes, ..wrapped.clone() }).await;
        assert!(opened.is_err(), "bit {bit} does not matter");
    }
    for length in 0..wrapped.bytes.len() {
        let bytes = wrapped.bytes[..length].to_vec();
        assert!(
            kms.unwrap(b"one", &WrappedKey { bytes, ..wrapped.clone() }).await.is_err(),
            "{length} bytes are enough"
        );
    }
    // A field that no plugin sees counts, too: number 15, with the value 1.
    let (length, rest) = wrapped.bytes.split_at(2);
    let length = u16::from_be_bytes(length.try_into().unwrap());
    let (blob, sealed) = rest.split_at(length.into());
    let bytes = [&(length + 2).to_be_bytes()[..], blob, &[0x78, 1], sealed].concat();
    let opened = kms.unwrap(b"one", &WrappedKey { bytes, ..wrapped.clone() }).await;
    assert!(matches!(opened, Err(WrapperError::Damaged)), "{opened:?}");
    assert!(matches!(kms.wrap(b"one", &[7; 33]).await, Err(WrapperError::TooLong(33))));
}
