//! Verifies a bundle: reads its lines, each of which goes to a [`Check`].

use std::path::Path;

use super::{
    check::Check,
    error::{BundleError, BundleProblemKind},
    findings::BundleFindings,
    line::HeaderLine,
    options::BundleOptions,
    read::{LineReader, LineType, Next},
};

/// Lines after which progress is told.
const PROGRESS_LINES: u64 = 4096;

/// Verifies the bundle in this file. `progress` is called with the bytes read so far.
///
/// # Errors
/// When the file cannot be read, or is not a bundle of this format. All else that is wrong is in the findings.
pub fn verify_bundle(
    path: &Path,
    options: BundleOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<BundleFindings, BundleError> {
    let unread = |source| BundleError::Read { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(unread)?.len();
    let mut reader = LineReader::open(path).map_err(unread)?;
    let header = header(&mut reader, path)?;
    let mut check = Check::of(header, size, options);
    loop {
        if reader.number().is_multiple_of(PROGRESS_LINES) {
            progress(reader.bytes());
        }
        let next = reader.next().map_err(unread)?;
        let taken = match next {
            Next::End => Err("the bundle ends without its last line: it was cut short".to_owned()),
            Next::Cut(why) => Err(why.to_owned()),
            Next::Line(kind) => check.line(kind, &mut reader),
        };
        match taken {
            Ok(false) => {}
            Ok(true) => return check.finish(path, true).map_err(unread),
            Err(why) => {
                check.problem(BundleProblemKind::Line, format!("line {}: {why}", reader.number()));
                return check.finish(path, false).map_err(unread);
            }
        }
    }
}

/// Reads the first line of the bundle in this file, and nothing else.
///
/// # Errors
/// When the file cannot be read, or is not a bundle of this format.
pub fn read_header(path: &Path) -> Result<HeaderLine, BundleError> {
    let mut reader = LineReader::open(path).map_err(|source| BundleError::Read { path: path.to_owned(), source })?;
    header(&mut reader, path)
}

/// The first line.
fn header(reader: &mut LineReader, path: &Path) -> Result<HeaderLine, BundleError> {
    let unread = |source| BundleError::Read { path: path.to_owned(), source };
    let not_a_bundle = |why: &str| BundleError::NotABundle { path: path.to_owned(), why: why.to_owned() };
    match reader.next().map_err(unread)? {
        Next::Line(LineType::Header) => {}
        Next::End => return Err(not_a_bundle("it is empty")),
        Next::Cut(_) | Next::Line(_) => return Err(not_a_bundle("its first line is not a header")),
    }
    if let Some(format) = reader.format().filter(|format| !HeaderLine::FORMATS.contains(format)) {
        return Err(BundleError::Format { path: path.to_owned(), format });
    }
    let header: HeaderLine = reader.parse().map_err(|why| not_a_bundle(&format!("its header is not valid: {why}")))?;
    if header.bundle == 1 && !header.tokens.is_empty() {
        return Err(not_a_bundle("its header is not valid: tokens in a bundle of format 1"));
    }
    match header.receipt_key.public_key() {
        Ok(_) => Ok(header),
        Err(error) => Err(not_a_bundle(&format!("its header is not valid: the receipt key is damaged: {error}"))),
    }
}
