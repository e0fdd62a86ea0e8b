//! The verifiers of bundles: ours, and two that share no code with it.

use std::{
    io::Write as _,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use vaultstream_certificates::Roots;
use vaultstream_proof::bundle::{BundleError, BundleFindings, BundleOptions, verify_bundle};

use super::python;
use super::tools::skipped;

/// A bundle, and what its verifier has from elsewhere: the root certificates of timestamping authorities, and an earlier checkpoint.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) file: PathBuf,
    pub(crate) roots: Option<PathBuf>,
    pub(crate) checkpoint: Option<PathBuf>,
}

impl From<PathBuf> for Subject {
    fn from(file: PathBuf) -> Self {
        Self { file, roots: None, checkpoint: None }
    }
}

/// What our own verifier finds; none in a file that is not a bundle.
pub(crate) fn found(file: &Path) -> Option<BundleFindings> {
    found_extending(file, None)
}

/// The same in a bundle that has to extend the checkpoint in a file.
fn found_extending(file: &Path, checkpoint: Option<&Path>) -> Option<BundleFindings> {
    let earlier = checkpoint.map(|file| std::fs::read_to_string(file).unwrap());
    let options = BundleOptions { threads: NonZeroUsize::MIN, most: 10, earlier };
    match verify_bundle(file, options, &mut |_| {}) {
        Ok(found) => Some(found),
        Err(BundleError::NotABundle { .. } | BundleError::Format { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// The verdict of our own verifier as an exit code.
pub(crate) fn ours(subject: &Subject) -> u8 {
    let Some(found) = found_extending(&subject.file, subject.checkpoint.as_deref()) else { return 2 };
    let believed = subject.roots.as_deref().is_none_or(|roots| {
        let roots = Roots::read(roots).unwrap();
        !found.tokens.is_empty() && found.tokens.iter().flatten().all(|token| token.check_chain(&roots).is_ok())
    });
    u8::from(!found.is_verified(false) || !believed)
}

/// The verdicts of the other verifiers, each with its name.
pub(crate) fn others(subjects: &[Subject]) -> Vec<(&'static str, Vec<u8>)> {
    let mut others = vec![("python", theirs(python("verify_bundles.py"), subjects))];
    match page() {
        Some(page) => others.push(("page", theirs(page, subjects))),
        None => skipped("the script of docs/verify.html: Node.js 20 or later is not installed"),
    }
    others
}

/// The verdicts of another verifier.
fn theirs(mut verifier: Command, subjects: &[Subject]) -> Vec<u8> {
    let line = |Subject { file, roots, checkpoint }: &Subject| {
        let [roots, checkpoint] = [roots, checkpoint].map(|file| file.clone().unwrap_or_default());
        format!("{}\t{}\t{}\n", file.display(), roots.display(), checkpoint.display())
    };
    let list: String = subjects.iter().map(line).collect();
    let mut child = verifier.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
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
