//! Certificates of receipt keys: those that are right, and those that are wrong in one way each.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "this file holds only tests")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SanType, SignatureAlgorithm,
    SubjectPublicKeyInfo,
};
use tempfile::TempDir;
use uuid::Uuid;
use vaultstream_certificates::{CertificateError, ChainError, Issuer, IssuerError, JobName, Roots, check, check_own};
use vaultstream_signing::{PrivateKey, PublicKey};

const JOB: JobName<'static> = JobName { cluster: "local", namespace: "default", name: "job", uid: Uuid::from_u128(7) };

/// An issuer, and the files of its certificate and key.
struct Authority {
    dir: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(algorithm: &'static SignatureAlgorithm) -> Self {
        Self::of(KeyPair::generate_for(algorithm).unwrap())
    }

    fn of(key: KeyPair) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "Issuer");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority =
            Self { dir: TempDir::new().unwrap(), issuer: CertifiedIssuer::self_signed(params, key).unwrap() };
        fs::write(authority.file("issuer.pem"), authority.issuer.pem()).unwrap();
        fs::write(authority.file("issuer.key"), authority.issuer.key().serialize_pem()).unwrap();
        authority
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn issuer(&self) -> Issuer {
        Issuer::read(&self.file("issuer.pem"), &self.file("issuer.key")).unwrap()
    }

    fn roots(&self) -> Roots {
        Roots::read(&self.file("issuer.pem")).unwrap()
    }

    /// A certificate of this key as another program would issue it.
    fn certify(&self, key: &PublicKey, change: impl FnOnce(&mut CertificateParams)) -> Vec<Vec<u8>> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = vec![SanType::URI(JOB.to_string().try_into().unwrap())];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 36])];
        change(&mut params);
        let key = SubjectPublicKeyInfo::from_der(key.spki_der()).unwrap();
        vec![params.signed_by(&key, &self.issuer).unwrap().der().to_vec()]
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

fn key() -> PublicKey {
    PrivateKey::generate().unwrap().public()
}

#[test]
fn a_receipt_key_is_certified_as_that_of_its_job() {
    let rsa = Command::new("openssl").args(["genpkey", "-algorithm", "RSA", "-quiet"]).output().unwrap();
    let rsa = KeyPair::from_pem(std::str::from_utf8(&rsa.stdout).unwrap()).unwrap();
    let others = [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519].map(Authority::new);
    for authority in others.into_iter().chain([Authority::of(rsa)]) {
        let key = key();
        let chain = authority.issuer().certify(&key, &JOB, SystemTime::now()).unwrap();
        let certified = check(&chain, &key, &JOB.to_string(), now(), &authority.roots()).unwrap();
        assert_eq!((certified.job, certified.issuer), (JOB.to_string(), "CN=Issuer".to_owned()));
        // Openssl agrees.
        let leaf = authority.file("leaf.der");
        fs::write(&leaf, &chain[0]).unwrap();
        let run = |args: &[&str]| {
            let output = Command::new("openssl").args(args).current_dir(authority.dir.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        run(&["x509", "-inform", "DER", "-in", "leaf.der", "-out", "leaf.pem"]);
        run(&["verify", "-x509_strict", "-CAfile", "issuer.pem", "leaf.pem"]);
        let text = run(&["x509", "-in", "leaf.pem", "-noout", "-text"]);
        for words in ["URI:vaultstream://local/default/job/", "Digital Signature", "1.3.6.1.5.5.7.3.36"] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}

#[test]
fn a_certificate_of_another_job_key_or_issuer_is_refused() {
    let authority = Authority::new(&PKCS_ECDSA_P256_SHA256);
    let key = key();
    let chain = authority.issuer().certify(&key, &JOB, SystemTime::now()).unwrap();
    let others = [
        JobName { cluster: "other", ..JOB },
        JobName { namespace: "other", ..JOB },
        JobName { name: "other", ..JOB },
        JobName { uid: Uuid::from_u128(8), ..JOB },
    ];
    for other in others {
        let refused = check(&chain, &key, &other.to_string(), now(), &authority.roots()).unwrap_err();
        assert!(matches!(refused, CertificateError::Name { .. }), "{refused}");
    }
    let name = JOB.to_string();
    assert!(matches!(check(&chain, &self::key(), &name, now(), &authority.roots()), Err(CertificateError::Key)));
    assert!(matches!(check(&[], &key, &name, now(), &authority.roots()), Err(CertificateError::Missing)));
    let stranger = Authority::new(&PKCS_ECDSA_P256_SHA256);
    let refused = check(&chain, &key, &name, now(), &stranger.roots()).unwrap_err();
    assert!(matches!(refused, CertificateError::Chain(ChainError::UnknownRoot)), "{refused:?}");
}

#[test]
fn a_certificate_is_valid_at_the_time_of_the_receipt() {
    let authority = Authority::new(&PKCS_ECDSA_P256_SHA256);
    let (key, roots, day) = (key(), authority.roots(), Duration::from_secs(86_400));
    let chain = authority.issuer().certify(&key, &JOB, SystemTime::now()).unwrap();
    let at = |time| check(&chain, &key, &JOB.to_string(), time, &roots);
    at(now()).unwrap();
    at(now() + day / 2).unwrap();
    for time in [now() - day, now() + 2 * day] {
        assert!(matches!(at(time), Err(CertificateError::Chain(ChainError::Validity))));
    }
}

#[test]
fn a_certificate_for_something_else_is_refused() {
    let authority = Authority::new(&PKCS_ECDSA_P256_SHA256);
    let key = key();
    let verdict = |change: fn(&mut CertificateParams)| {
        check(&authority.certify(&key, change), &key, &JOB.to_string(), now(), &authority.roots())
    };
    verdict(|_| {}).unwrap();
    // Cert-manager cannot state the purpose.
    verdict(|params| params.extended_key_usages.clear()).unwrap();
    let server = verdict(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    assert!(matches!(server, Err(CertificateError::Chain(ChainError::Chain(_)))), "{server:?}");
    let encrypts = verdict(|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]);
    assert!(matches!(encrypts, Err(CertificateError::Usage)), "{encrypts:?}");
    let unstated = verdict(|params| params.key_usages.clear());
    assert!(matches!(unstated, Err(CertificateError::Usage)), "{unstated:?}");
    let authority_itself = verdict(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert!(matches!(authority_itself, Err(CertificateError::Chain(_))), "{authority_itself:?}");
    for change in [
        (|params| params.subject_alt_names.clear()) as fn(&mut CertificateParams),
        |params| params.subject_alt_names.push(SanType::DnsName("a.example".try_into().unwrap())),
        |params| params.subject_alt_names = vec![SanType::DnsName("a.example".try_into().unwrap())],
    ] {
        let unnamed = verdict(change);
        assert!(matches!(unnamed, Err(CertificateError::NoName)), "{unnamed:?}");
    }
}

/// Who has a key certified knows no root, and looks at all else.
#[test]
fn a_certificate_is_checked_before_a_receipt_has_it() {
    let authority = Authority::new(&PKCS_ECDSA_P256_SHA256);
    let key = key();
    let name = JOB.to_string();
    let of = |change: fn(&mut CertificateParams)| authority.certify(&key, change);
    let verdict = |change: fn(&mut CertificateParams)| check_own(&of(change), &key, &name, now());
    let certified = verdict(|_| {}).unwrap();
    assert_eq!((certified.job, certified.issuer), (name.clone(), "CN=Issuer".to_owned()));
    verdict(|params| params.extended_key_usages.clear()).unwrap();
    let server = verdict(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    assert!(matches!(server, Err(CertificateError::Purpose)), "{server:?}");
    let encrypts = verdict(|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]);
    assert!(matches!(encrypts, Err(CertificateError::Usage)), "{encrypts:?}");
    let unnamed = verdict(|params| params.subject_alt_names.clear());
    assert!(matches!(unnamed, Err(CertificateError::NoName)), "{unnamed:?}");
    let right = of(|_| {});
    assert!(matches!(check_own(&right, &self::key(), &name, now()), Err(CertificateError::Key)));
    assert!(matches!(check_own(&[], &key, &name, now()), Err(CertificateError::Missing)));
    let other = JobName { name: "other", ..JOB }.to_string();
    assert!(matches!(check_own(&right, &key, &other, now()), Err(CertificateError::Name { .. })));
    let day = Duration::from_secs(86_400);
    let chain = authority.issuer().certify(&key, &JOB, SystemTime::now()).unwrap();
    check_own(&chain, &key, &name, now() + day / 2).unwrap();
    for time in [now() - day, now() + 2 * day] {
        let over = check_own(&chain, &key, &name, time);
        assert!(matches!(over, Err(CertificateError::Chain(ChainError::Validity))), "{over:?}");
    }
}

#[test]
fn a_changed_byte_makes_a_certificate_void() {
    let authority = Authority::new(&PKCS_ECDSA_P256_SHA256);
    let key = key();
    let chain = authority.issuer().certify(&key, &JOB, SystemTime::now()).unwrap();
    let (name, roots) = (JOB.to_string(), authority.roots());
    for at in 0..chain[0].len() {
        let mut changed = chain.clone();
        changed[0][at] ^= 1;
        assert!(check(&changed, &key, &name, now(), &roots).is_err(), "byte {at}");
        changed[0].truncate(at);
        assert!(check(&changed, &key, &name, now(), &roots).is_err(), "cut at {at}");
    }
}

#[test]
fn files_that_are_no_issuer_are_refused() {
    let (authority, other) = (Authority::new(&PKCS_ECDSA_P256_SHA256), Authority::new(&PKCS_ECDSA_P384_SHA384));
    let read =
        |certificate: &str, key: PathBuf| Issuer::read(&authority.file(certificate), &key).map(drop).unwrap_err();
    let own = || authority.file("issuer.key");
    assert!(matches!(read("issuer.pem", other.file("issuer.key")), IssuerError::OtherKey));
    let leaf = authority.certify(&key(), |_| {});
    fs::write(authority.file("leaf.der"), &leaf[0]).unwrap();
    let mut to_pem = Command::new("openssl");
    to_pem.args(["x509", "-inform", "DER", "-in", "leaf.der", "-out", "leaf.pem"]).current_dir(authority.dir.path());
    assert!(to_pem.status().unwrap().success());
    assert!(matches!(read("leaf.pem", own()), IssuerError::NoAuthority));
    fs::write(authority.file("empty.pem"), "").unwrap();
    assert!(matches!(read("empty.pem", own()), IssuerError::Empty(_)));
    assert!(matches!(read("issuer.pem", authority.file("empty.pem")), IssuerError::File { .. }));
    assert!(matches!(read("missing.pem", own()), IssuerError::Read { .. }));
}
