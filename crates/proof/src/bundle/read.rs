//! Reads a bundle line by line, in bounded memory.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

/// Bytes of a line at most: 16 times what a record may have.
const LINE_LIMIT: u64 = 16 << 20;

/// A bundle that is being read.
pub(super) struct LineReader {
    file: BufReader<File>,
    line: Vec<u8>,
    again: Vec<u8>,
    number: u64,
    bytes: u64,
}

/// The next line.
pub(super) enum Next {
    /// A line of this type.
    Line(LineType),
    /// The end of the file.
    End,
    /// A line that has no end, or is too long.
    Cut(&'static str),
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineType {
    Header,
    Key,
    Batch,
    Record,
    Reject,
    End,
    Unknown,
}

/// The beginning of each line, up to its type.
const TYPES: [(&[u8], LineType); 6] = [
    (br#"{"type":"record","#, LineType::Record),
    (br#"{"type":"reject","#, LineType::Reject),
    (br#"{"type":"batch","#, LineType::Batch),
    (br#"{"type":"key","#, LineType::Key),
    (br#"{"type":"header","#, LineType::Header),
    (br#"{"type":"end","#, LineType::End),
];

impl LineReader {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = BufReader::with_capacity(1 << 18, File::open(path)?);
        Ok(Self { file, line: Vec::new(), again: Vec::new(), number: 0, bytes: 0 })
    }

    /// Reads the next line.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        self.line.clear();
        let read = self.file.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut self.line)? as u64;
        self.bytes += read;
        if read == 0 {
            return Ok(Next::End);
        }
        self.number += 1;
        if self.line.pop_if(|last| *last == b'\n').is_none() {
            return Ok(Next::Cut(if read == LINE_LIMIT { "it is longer than 16 MiB" } else { "it is cut short" }));
        }
        let of = |(begin, kind): &(&[u8], LineType)| self.line.starts_with(begin).then_some(*kind);
        Ok(Next::Line(TYPES.iter().find_map(of).unwrap_or(LineType::Unknown)))
    }

    /// The line that was read, as a value of its type. Its text must be what writing that value gives.
    pub(super) fn parse<T: Serialize + DeserializeOwned>(&mut self) -> Result<T, String> {
        let value: T = serde_json::from_slice(&self.line).map_err(|error| plain(&error))?;
        self.again.clear();
        serde_json::to_writer(&mut self.again, &value).map_err(|error| error.to_string())?;
        if self.again == self.line {
            Ok(value)
        } else {
            Err("its members are not written as the format has them".into())
        }
    }

    /// The version of the format that a header names.
    pub(super) fn format(&self) -> Option<u32> {
        #[derive(serde::Deserialize)]
        struct Versioned {
            bundle: u32,
        }
        serde_json::from_slice(&self.line).ok().map(|Versioned { bundle }| bundle)
    }

    /// The number of the line that was read, from 1 on.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Bytes read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// What is wrong, without the place: every line is one line of JSON.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(what, _)| what.to_owned())
}
