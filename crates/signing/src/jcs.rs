//! Canonical JSON (RFC 8785, JCS): the one form of all texts of a JSON value, to which every library of JCS comes.
//!
//! A text is read once and written as it is read, in its own order, to a buffer. Which objects have to be put in order is noted on the
//! way, and at the end the buffer is copied in that order. So each byte is copied twice, however deep it lies.

mod number;
mod order;
#[cfg(test)]
mod tests;

use number::{Decimal, Number};
use order::Order;

/// How many objects and arrays may be within each other. Readers of JSON have such limits, and some fail in worse ways without.
pub const MAX_DEPTH: usize = 500;

/// Why a text has no canonical form. Bytes are counted from 0; nothing of the text is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    /// A text that RFC 8259 does not allow.
    #[error("not JSON: what begins at byte {0} has no place there")]
    Syntax(usize),
    /// A text that ends within a value.
    #[error("not JSON: the text ends at byte {0}, before its value does")]
    Unfinished(usize),
    /// Bytes that are not UTF-8.
    #[error("not Unicode: what begins at byte {0} is not UTF-8")]
    Encoding(usize),
    /// An escape of half a character.
    #[error("not Unicode: the escape at byte {0} is half of a surrogate pair, without the other half")]
    Surrogate(usize),
    /// Two members of one name, of which readers keep the first, the last or both.
    #[error("the object that begins at byte {0} has two members of the same name")]
    Duplicate(usize),
    /// A number that readers would round.
    #[error("the number at byte {0} would change: canonical JSON has doubles (IEEE 754) only; a string would keep it")]
    Number(usize),
    /// More than [`MAX_DEPTH`] objects and arrays within each other.
    #[error("the object or array at byte {0} is within {MAX_DEPTH} others, the most that there may be")]
    Depth(usize),
}

/// Appends the canonical form of a JSON text to `out`. Whatever the text says, it takes time in proportion to its length, but for the
/// sorting of names, and memory of some three times its length, or fifteen if it is full of small objects that are not in order.
///
/// # Errors
///
/// When the text has none; `out` is as it was.
pub fn canonicalize(text: &[u8], out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    std::str::from_utf8(text).map_err(|error| NotCanonical::Encoding(error.valid_up_to()))?;
    let mut reader = Reader { text, at: 0, written: Vec::with_capacity(text.len()), order: Order::default() };
    reader.value(0)?;
    match reader.next() {
        None => reader.order.copy(&reader.written, out),
        Some(_) => return Err(NotCanonical::Syntax(reader.at)),
    }
    Ok(())
}

struct Reader<'a> {
    /// In UTF-8.
    text: &'a [u8],
    at: usize,
    /// What is read, in canonical form but for the order of members.
    written: Vec<u8>,
    order: Order,
}

impl Reader<'_> {
    /// Leaves out white space, and looks at the byte behind it.
    fn next(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// What is wrong when nothing that may be here is.
    fn misplaced(&self) -> NotCanonical {
        if self.at < self.text.len() { NotCanonical::Syntax(self.at) } else { NotCanonical::Unfinished(self.at) }
    }

    /// Copies `byte`, if it is the next one but for white space.
    fn copy(&mut self, byte: u8) -> bool {
        let found = self.next() == Some(byte);
        if found {
            self.at += 1;
            self.written.push(byte);
        }
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), NotCanonical> {
        if self.copy(byte) { Ok(()) } else { Err(self.misplaced()) }
    }

    fn value(&mut self, depth: usize) -> Result<(), NotCanonical> {
        match self.next() {
            Some(b'{' | b'[') if depth == MAX_DEPTH => Err(NotCanonical::Depth(self.at)),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => Err(self.misplaced()),
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), NotCanonical> {
        for byte in word {
            if self.text.get(self.at) != Some(byte) {
                return Err(self.misplaced());
            }
            self.at += 1;
        }
        self.written.extend_from_slice(word);
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), NotCanonical> {
        self.expect(b'[')?;
        if self.copy(b']') {
            return Ok(());
        }
        loop {
            self.value(depth)?;
            if self.copy(b']') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), NotCanonical> {
        let at = self.at;
        let object = self.order.object(self.written.len());
        self.expect(b'{')?;
        if self.copy(b'}') {
            return Ok(());
        }
        loop {
            // A member begins with the byte that sets it apart, which is a brace or a comma.
            let start = self.written.len() - 1;
            if self.next() != Some(b'"') {
                return Err(self.misplaced());
            }
            self.string()?;
            self.expect(b':')?;
            self.value(depth)?;
            self.order.member(start, self.written.len());
            if self.next() == Some(b'}') {
                break;
            }
            self.expect(b',')?;
        }
        if !self.order.close(object, &mut self.written) {
            return Err(NotCanonical::Duplicate(at));
        }
        self.expect(b'}')
    }

    fn string(&mut self) -> Result<(), NotCanonical> {
        self.expect(b'"')?;
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' ')).unwrap_or(rest.len());
            self.written.extend_from_slice(&rest[..plain]);
            self.at += plain;
            match rest.get(plain) {
                Some(b'"') => return self.expect(b'"'),
                Some(b'\\') => {
                    let character = self.escape()?;
                    self.write(character);
                }
                _ => return Err(self.misplaced()),
            }
        }
    }

    /// Reads the character of an escape (RFC 8259 §7).
    fn escape(&mut self) -> Result<char, NotCanonical> {
        let start = self.at;
        self.at += 1;
        let character = match self.text.get(self.at) {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
            Some(b'b') => '\u{8}',
            Some(b't') => '\t',
            Some(b'n') => '\n',
            Some(b'f') => '\u{c}',
            Some(b'r') => '\r',
            Some(b'u') => return self.unicode(start),
            _ => return Err(self.misplaced()),
        };
        self.at += 1;
        Ok(character)
    }

    /// Reads the character of `\uXXXX`, or of the two that make one.
    fn unicode(&mut self, start: usize) -> Result<char, NotCanonical> {
        let mut unit = u32::from(self.unit()?);
        if (0xd800..0xdc00).contains(&unit) && self.text[self.at..].starts_with(b"\\u") {
            self.at += 1;
            let low = u32::from(self.unit()?);
            if (0xdc00..0xe000).contains(&low) {
                unit = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            }
        }
        // What is left of surrogates is no character.
        char::from_u32(unit).ok_or(NotCanonical::Surrogate(start))
    }

    /// Reads `uXXXX`.
    fn unit(&mut self) -> Result<u16, NotCanonical> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.text.get(self.at).and_then(|byte| char::from(*byte).to_digit(16));
            unit = unit << 4 | digit.ok_or_else(|| self.misplaced())? as u16;
            self.at += 1;
        }
        Ok(unit)
    }

    /// Writes a character that was escaped (RFC 8785 §3.2.2.2).
    fn write(&mut self, character: char) {
        let short = match character {
            '"' | '\\' => character,
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\0'..' ' => {
                let (high, low) = (character as usize >> 4, character as usize & 15);
                let hex = b"0123456789abcdef";
                return self.written.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex[high], hex[low]]);
            }
            _ => return self.written.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        };
        self.written.extend_from_slice(&[b'\\', short as u8]);
    }

    fn number(&mut self) -> Result<(), NotCanonical> {
        let start = self.at;
        let number = Number::read(&self.text[start..]).map_err(|at| {
            self.at += at;
            self.misplaced()
        })?;
        self.at += number.length;
        let held = Decimal::of(&number).is_some_and(|decimal| decimal.write(number.negative, &mut self.written));
        if held { Ok(()) } else { Err(NotCanonical::Number(start)) }
    }
}
