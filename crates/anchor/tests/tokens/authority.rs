//! A timestamping authority: openssl's own, behind certificates that a test chooses.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::{fs, io::Write as _};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use tempfile::TempDir;

/// The policy of tokens for which none is asked.
pub(crate) const POLICY: &str = "1.2.3.4.1";
/// Another policy that the authority has.
pub(crate) const OTHER_POLICY: &str = "1.2.3.4.5";

/// The purpose of timestamps, as an extended key usage in DER.
const FOR_TIMESTAMPS: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// The settings of `openssl ts`.
const SETTINGS: &str = "\
[tsa]
default_tsa = it
[it]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
other_policies = 1.2.3.4.5
digests = sha256, sha512
accuracy = secs:1
clock_precision_digits = 3
ordering = no
tsa_name = yes
ess_cert_id_alg = ESS
";

/// An authority with a root of its own.
pub(crate) struct Authority {
    dir: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// `openssl ts` counts in a file.
    serial: Mutex<()>,
}

/// The extended key usage of timestamps.
pub(crate) fn purpose(content: &[u8], critical: bool) -> CustomExtension {
    let mut purpose = CustomExtension::from_oid_content(&[2, 5, 29, 37], content.to_vec());
    purpose.set_criticality(critical);
    purpose
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn signer_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.custom_extensions = vec![purpose(FOR_TIMESTAMPS, true)];
    params
}

impl Authority {
    /// An authority whose certificate is as it should be.
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, |_| {})
    }

    /// An authority whose certificate is changed before it is issued.
    pub(crate) fn with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(authority_params(&format!("Root of {name}")), key).unwrap();
        let authority = Self { dir: TempDir::new().unwrap(), issuer, serial: Mutex::default() };
        authority.write("root.pem", &authority.issuer.pem());
        authority.write("settings", &SETTINGS.replace("ESS", "sha256"));
        authority.write("serial", "01\n");
        let key = KeyPair::generate().unwrap();
        authority.write("tsa.key", &key.serialize_pem());
        authority.certify(name, &key, "tsa.pem", change);
        authority
    }

    /// An authority with an RSA key, whose tokens name its certificate by SHA-1.
    pub(crate) fn of_old(name: &str) -> Self {
        let authority = Self::new(name);
        authority
            .openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "tsa.key"], b"");
        let key = fs::read_to_string(authority.file("tsa.key")).unwrap();
        authority.certify(name, &KeyPair::from_pem(&key).unwrap(), "tsa.pem", |_| {});
        authority.write("settings", &SETTINGS.replace("ESS", "sha1"));
        authority
    }

    /// An authority whose certificate was issued by another one than the root, which is changed before it is issued. Its tokens have that
    /// one's certificate, too.
    pub(crate) fn behind_another(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let authority = Self::new(name);
        let key = KeyPair::generate().unwrap();
        let mut params = authority_params(&format!("Issuer of {name}"));
        change(&mut params);
        let between = CertifiedIssuer::signed_by(params, key, &authority.issuer).unwrap();
        let key = KeyPair::generate().unwrap();
        authority.write("tsa.key", &key.serialize_pem());
        authority.write("tsa.pem", &signer_params(name).signed_by(&key, &between).unwrap().pem());
        authority.write("chain.pem", &between.pem());
        authority
    }

    /// Writes another certificate of this authority's key, or of another one.
    pub(crate) fn certify(&self, name: &str, key: &KeyPair, file: &str, change: impl FnOnce(&mut CertificateParams)) {
        let mut params = signer_params(name);
        change(&mut params);
        self.write(file, &params.signed_by(key, &self.issuer).unwrap().pem());
    }

    /// The key of the authority.
    pub(crate) fn key(&self) -> KeyPair {
        KeyPair::from_pem(&fs::read_to_string(self.file("tsa.key")).unwrap()).unwrap()
    }

    /// The file with its root.
    pub(crate) fn root(&self) -> PathBuf {
        self.file("root.pem")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
    }

    /// The response to a request, both in DER.
    pub(crate) fn reply(&self, query: &[u8]) -> Vec<u8> {
        self.answer(query, &[])
    }

    /// A token over a digest in hexadecimal, in DER.
    pub(crate) fn token(&self, digest: &str, options: &[&str]) -> Vec<u8> {
        let query = [&["ts", "-query", "-digest", digest, "-sha256", "-cert"], options].concat();
        self.answer(&self.openssl(&query, b""), &["-token_out"])
    }

    fn answer(&self, query: &[u8], options: &[&str]) -> Vec<u8> {
        let _one_at_a_time = self.serial.lock().unwrap();
        fs::write(self.file("query"), query).unwrap();
        let mut reply = vec!["ts", "-reply", "-config", "settings", "-queryfile", "query", "-signer", "tsa.pem"];
        reply.extend(["-inkey", "tsa.key", "-out", "reply"]);
        if self.file("chain.pem").exists() {
            reply.extend(["-chain", "chain.pem"]);
        }
        self.openssl(&[&reply, options].concat(), b"");
        fs::read(self.file("reply")).unwrap()
    }

    /// The timestamp in a token, in DER.
    pub(crate) fn content(&self, token: &[u8]) -> Vec<u8> {
        self.openssl(&["cms", "-verify", "-noverify", "-inform", "DER", "-binary"], token)
    }

    /// Signs a timestamp, with these options of `openssl cms`.
    pub(crate) fn sign(&self, content: &[u8], options: &[&str]) -> Vec<u8> {
        const KIND: [&str; 2] = ["-econtent_type", "1.2.840.113549.1.9.16.1.4"];
        let sign = ["cms", "-sign", "-binary", "-nodetach", "-outform", "DER"];
        self.openssl(&[&sign[..], &KIND, options].concat(), content)
    }

    /// Signs the timestamp of a token anew.
    pub(crate) fn signed_anew(&self, token: &[u8], options: &[&str]) -> Vec<u8> {
        self.sign(&self.content(token), options)
    }

    /// Runs openssl in the authority's folder. Returns what it writes to stdout.
    pub(crate) fn openssl(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        run_openssl(self.dir.path(), arguments, input)
    }
}

fn run_openssl(dir: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
