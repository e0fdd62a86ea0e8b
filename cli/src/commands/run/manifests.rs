//! The manifests of a run: all are read before anything is started.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use vaultstream_api::{Fault, MAX_MANIFESTS, Manifest, SigningJob};

use crate::{args::RunArgs, error::Failure};

/// Reads the jobs of all files.
///
/// # Errors
/// Every fault of every file, each with its line and column.
pub(super) fn read_all(args: &RunArgs) -> Result<Vec<SigningJob>, Failure> {
    let mut jobs = Vec::new();
    let mut faults = Vec::new();
    for file in args.manifests() {
        let text = read(file)
            .map_err(|error| Failure::bad_input(format!("failed to read the manifest {}: {error}", file.display())))?;
        match parse(&text) {
            Ok(found) => jobs.extend(found),
            Err(found) => {
                let name = if file == Path::new("-") { "stdin".into() } else { file.display().to_string() };
                faults.extend(found.iter().map(|fault| format!("{name}:{fault}")));
            }
        }
    }
    if !faults.is_empty() {
        return Err(Failure::bad_input(faults.join("\n")));
    }
    has_an_end(&jobs)?;
    Ok(jobs)
}

/// A job that follows its table goes on until it is stopped: none can come after it.
fn has_an_end(jobs: &[SigningJob]) -> Result<(), Failure> {
    let Some((_, before)) = jobs.split_last() else { return Ok(()) };
    let Some(at) = before.iter().position(|job| job.spec.follow.is_some()) else { return Ok(()) };
    let name = jobs[at].metadata.name.as_deref().unwrap_or_default();
    Err(Failure::bad_input(format!(
        "{name}: spec.follow makes a job that goes on until it is stopped, and {} of these manifests come after it: put it last, or run it by itself",
        jobs.len() - at - 1
    )))
}

/// The jobs of a text. A suspended job cannot be run: there is no way to resume it later.
fn parse(text: &str) -> Result<Vec<SigningJob>, Vec<Fault>> {
    let manifests = Manifest::read_all(text).map_err(|error| error.faults().to_vec())?;
    let suspended: Vec<Fault> = manifests
        .iter()
        .filter(|manifest| manifest.job.spec.suspend)
        .map(|manifest| manifest.fault("spec.suspend", true, "set it to false to run the job here"))
        .collect();
    if suspended.is_empty() { Ok(manifests.into_iter().map(|manifest| manifest.job).collect()) } else { Err(suspended) }
}

/// The text of a manifest. A text that is too long is read up to one byte beyond the limit.
fn read(file: &Path) -> io::Result<String> {
    let limit = MAX_MANIFESTS as u64 + 1;
    let mut text = String::new();
    if file == Path::new("-") {
        io::stdin().take(limit).read_to_string(&mut text)?;
    } else {
        File::open(file)?.take(limit).read_to_string(&mut text)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str, suspend: bool) -> String {
        format!(
            "apiVersion: vaultstream.dev/v1alpha1\nkind: SigningJob\nmetadata: {{name: {name}}}\nspec:\n  \
             source: {{generate: {{records: 5}}}}\n  suspend: {suspend}\n"
        )
    }

    #[test]
    fn a_suspended_job_is_a_fault_at_its_line_and_column() {
        let text = [manifest("a", true), manifest("b", false), manifest("c", true)].join("---\n");
        let faults: Vec<String> = parse(&text).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "6:3: spec.suspend is true: set it to false to run the job here",
                "20:3: spec.suspend is true: set it to false to run the job here",
            ]
        );
    }

    #[test]
    fn faults_of_all_files_are_told_with_the_names_of_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let files = vec![
            file("good.yaml", &manifest("a", false)),
            file("suspended.yaml", &manifest("b", true)),
            file("wrong.yaml", &manifest("c", false).replace("records: 5", "records: none")),
        ];
        let told = read_all(&run_args(&files)).unwrap_err().message().to_owned();
        let lines: Vec<&str> = told.lines().collect();
        assert!(matches!(lines.as_slice(), [_, _]), "{told}");
        assert!(
            lines[0].ends_with("suspended.yaml:6:3: spec.suspend is true: set it to false to run the job here"),
            "{told}"
        );
        assert!(lines[1].contains("wrong.yaml:5:23: spec.source.generate.records is \"none\": "), "{told}");
        assert_eq!(read_all(&run_args(&files[..1])).unwrap().len(), 1);
    }

    fn run_args(files: &[std::path::PathBuf]) -> RunArgs {
        use clap::Parser as _;

        use crate::args::{Cli, Command};

        let words = ["vaultstream".into(), "run".into()].into_iter().chain(files.iter().cloned());
        match Cli::try_parse_from(words).unwrap().command {
            Command::Run(args) => args,
            other => panic!("{other:?}"),
        }
    }
}
