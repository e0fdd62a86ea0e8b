//! Writes a bundle.

use std::io::{self, Write};

use serde::Serialize;

use super::line::{BatchLine, EndLine, HeaderLine, KeyLine, RecordLine, RejectLine};

/// Writes the lines of a bundle, which must come in the order that the format has.
pub struct BundleWriter<W> {
    out: W,
    line: Vec<u8>,
    lines: u64,
}

impl<W: Write> BundleWriter<W> {
    /// Writes the first line to `out`, one write a line.
    ///
    /// # Errors
    /// When it cannot be written; so everywhere below.
    pub fn begin(out: W, header: &HeaderLine) -> io::Result<Self> {
        let mut writer = Self { out, line: Vec::new(), lines: 0 };
        writer.line(header)?;
        Ok(writer)
    }

    /// The next key.
    ///
    /// # Errors
    /// As above.
    pub fn key(&mut self, key: &KeyLine) -> io::Result<()> {
        self.line(key)
    }

    /// The next batch.
    ///
    /// # Errors
    /// As above.
    pub fn batch(&mut self, batch: &BatchLine) -> io::Result<()> {
        self.line(batch)
    }

    /// The next record of the batch.
    ///
    /// # Errors
    /// As above.
    pub fn record(&mut self, record: &RecordLine) -> io::Result<()> {
        self.line(record)
    }

    /// The next reject of the batch.
    ///
    /// # Errors
    /// As above.
    pub fn reject(&mut self, reject: &RejectLine) -> io::Result<()> {
        self.line(reject)
    }

    /// Writes the last line, and what is buffered.
    ///
    /// # Errors
    /// As above.
    pub fn finish(mut self) -> io::Result<W> {
        self.line(&EndLine { lines: self.lines })?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        self.lines += 1;
        self.out.write_all(&self.line)
    }
}
