//! Reads what COPY BINARY TO STDOUT sends, in pieces of any size.

/// What precedes the first row: signature, flags, and an empty extension area.
pub const HEADER: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The fixed part of the header before the extension area, with the flags and that area's length in it.
const FIXED_HEADER: usize = HEADER.len();

/// Flags that a reader must understand or refuse; none are.
const CRITICAL_FLAGS: u32 = 0xffff_0000;

/// A decoder of rows of `N` columns.
///
/// It is fed one CopyData message at a time. A message may hold the header, several rows, or a part of one. A whole row is
/// passed on from the message itself; only the part of a row that is cut off is kept until the rest comes.
#[derive(Debug)]
pub struct Rows<const N: usize> {
    /// The beginning of a header or row that is not complete yet.
    pending: Vec<u8>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header,
    Rows,
    Ended,
}

/// Why the bytes are not the rows that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// Another signature, or flags that change the format.
    #[error("not a binary COPY stream that this program can read")]
    Header,
    /// A row has another number of columns.
    #[error("a row has {found} columns instead of {wanted}")]
    Columns {
        /// Number of columns asked for.
        wanted: usize,
        /// Number of columns found.
        found: i16,
    },
    /// A length below -1.
    #[error("a field has the length {0}")]
    Length(i32),
    /// Bytes after the end of the stream.
    #[error("bytes follow the end of the rows")]
    AfterEnd,
    /// The stream stopped in the middle.
    #[error("the rows end without their trailer")]
    Truncated,
    /// A field is not an integer of eight bytes.
    #[error("a field is not an int8")]
    NotInt8,
    /// A field is not the key of a row.
    #[error("a field is not a key")]
    NotAKey,
    /// A field is not a text.
    #[error("a field is not a text")]
    NotText,
}

impl<const N: usize> Rows<N> {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self { pending: Vec::new(), stage: Stage::Header }
    }

    /// Takes the next message and passes every row that is now complete to `visit`; a NULL field is `None`.
    ///
    /// # Errors
    ///
    /// When the bytes are not such rows, or whatever `visit` returns. The decoder is of no use after that.
    pub fn feed<E: From<CopyError>>(
        &mut self,
        message: &[u8],
        mut visit: impl FnMut([Option<&[u8]>; N]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.pending.is_empty() {
            let taken = Self::take(&mut self.stage, message, &mut visit)?;
            self.pending.extend_from_slice(&message[taken..]);
        } else {
            self.pending.extend_from_slice(message);
            let taken = Self::take(&mut self.stage, &self.pending, &mut visit)?;
            self.pending.drain(..taken);
        }
        Ok(())
    }

    /// Ends the stream.
    ///
    /// # Errors
    ///
    /// When the trailer has not been seen.
    pub fn finish(self) -> Result<(), CopyError> {
        if self.stage == Stage::Ended { Ok(()) } else { Err(CopyError::Truncated) }
    }

    /// Handles everything complete at the front of `bytes` and returns its length.
    fn take<E: From<CopyError>>(
        stage: &mut Stage,
        bytes: &[u8],
        visit: &mut impl FnMut([Option<&[u8]>; N]) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut rest = bytes;
        loop {
            let after = match stage {
                Stage::Header => header(rest)?.inspect(|_| *stage = Stage::Rows),
                Stage::Rows => match row(rest)? {
                    Some(Row::Fields(fields, after)) => {
                        visit(fields)?;
                        Some(after)
                    }
                    Some(Row::End(after)) => {
                        *stage = Stage::Ended;
                        Some(after)
                    }
                    None => None,
                },
                Stage::Ended if rest.is_empty() => None,
                Stage::Ended => return Err(CopyError::AfterEnd.into()),
            };
            match after {
                Some(after) => rest = after,
                None => return Ok(bytes.len() - rest.len()),
            }
        }
    }
}

impl<const N: usize> Default for Rows<N> {
    fn default() -> Self {
        Self::new()
    }
}

enum Row<'a, const N: usize> {
    Fields([Option<&'a [u8]>; N], &'a [u8]),
    End(&'a [u8]),
}

/// What follows the header, once all of it is there.
fn header(bytes: &[u8]) -> Result<Option<&[u8]>, CopyError> {
    let signature = &HEADER[..11];
    let known = bytes.len().min(signature.len());
    if bytes[..known] != signature[..known] {
        return Err(CopyError::Header);
    }
    let Some((fixed, rest)) = bytes.split_at_checked(FIXED_HEADER) else { return Ok(None) };
    let [.., f0, f1, f2, f3, e0, e1, e2, e3] = *fixed else { return Ok(None) };
    if u32::from_be_bytes([f0, f1, f2, f3]) & CRITICAL_FLAGS != 0 {
        return Err(CopyError::Header);
    }
    let extension = usize::try_from(i32::from_be_bytes([e0, e1, e2, e3])).map_err(|_| CopyError::Header)?;
    Ok(rest.get(extension..))
}

fn row<const N: usize>(bytes: &[u8]) -> Result<Option<Row<'_, N>>, CopyError> {
    let Some((count, mut rest)) = bytes.split_first_chunk() else { return Ok(None) };
    match i16::from_be_bytes(*count) {
        -1 => return Ok(Some(Row::End(rest))),
        found if usize::try_from(found) != Ok(N) => return Err(CopyError::Columns { wanted: N, found }),
        _ => {}
    }
    let mut fields = [None; N];
    for field in &mut fields {
        let Some((length, after)) = rest.split_first_chunk() else { return Ok(None) };
        let length = i32::from_be_bytes(*length);
        rest = after;
        if length != -1 {
            let length = usize::try_from(length).map_err(|_| CopyError::Length(length))?;
            let Some((value, after)) = rest.split_at_checked(length) else { return Ok(None) };
            *field = Some(value);
            rest = after;
        }
    }
    Ok(Some(Row::Fields(fields, rest)))
}

/// The value of an int8 field.
///
/// # Errors
///
/// When it is NULL or has another length.
pub fn int8(field: Option<&[u8]>) -> Result<i64, CopyError> {
    let bytes = field.and_then(|bytes| bytes.try_into().ok()).ok_or(CopyError::NotInt8)?;
    Ok(i64::from_be_bytes(bytes))
}
