//! The order of members: sorted by name, by its UTF-16 code units (RFC 8785 §3.2.3).
//!
//! The members of an object are kept until it ends. If they are in order they are forgotten, else the object is noted. Objects are noted
//! in the order in which they end, so those within an object, or within a member, stand next to each other before it.

use std::cmp::Ordering;
use std::ops::Range;

/// What is known about a text's objects.
#[derive(Default)]
pub(super) struct Order {
    /// The members so far of the objects that have not ended: those of the outermost first, each object's in the text's order.
    open: Vec<Piece>,
    /// The members of the objects that are noted, in canonical order.
    sorted: Vec<Piece>,
    noted: Vec<Noted>,
}

/// A part of what is written.
#[derive(Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
    /// How many objects were noted at its end.
    noted: usize,
}

/// An object whose members are not in order as they are written.
struct Noted {
    start: usize,
    /// Where its closing brace stands.
    end: usize,
    /// How many objects were noted at its start.
    before: usize,
    /// Its members among those that are sorted.
    members: Range<usize>,
}

/// An object that has begun.
pub(super) struct Open {
    start: usize,
    noted: usize,
    members: usize,
}

impl Order {
    /// An object begins at `start`.
    pub(super) fn object(&self, start: usize) -> Open {
        Open { start, noted: self.noted.len(), members: self.open.len() }
    }

    /// A member ends at `end`; it has begun at `start`, with the brace or the comma before its name.
    pub(super) fn member(&mut self, start: usize, end: usize) {
        self.open.push(Piece { start, end, noted: self.noted.len() });
    }

    /// The object has ended, but for its closing brace. False if two of its members have the same name.
    pub(super) fn close(&mut self, object: Open, written: &mut [u8]) -> bool {
        let members = &mut self.open[object.members..];
        let names = |a: &Piece, b: &Piece| compare(&written[a.start + 2..], &written[b.start + 2..]);
        if !members.is_sorted_by(|a, b| names(a, b) == Ordering::Less) {
            members.sort_unstable_by(names);
            if !members.is_sorted_by(|a, b| names(a, b) == Ordering::Less) {
                return false;
            }
            for member in &*members {
                written[member.start] = b',';
            }
            written[members[0].start] = b'{';
            let first = self.sorted.len();
            self.sorted.extend_from_slice(members);
            self.noted.push(Noted {
                start: object.start,
                end: written.len(),
                before: object.noted,
                members: first..self.sorted.len(),
            });
        }
        self.open.truncate(object.members);
        true
    }

    /// Appends all that is written to `out`, in order.
    pub(super) fn copy(&self, written: &[u8], out: &mut Vec<u8>) {
        out.reserve(written.len());
        // The pieces that are left to copy, the next one last.
        let mut left = vec![Piece { start: 0, end: written.len(), noted: self.noted.len() }];
        while let Some(piece) = left.pop() {
            // The last object that was noted in a piece is within no other one there, and none follows it there.
            let last = self.noted[..piece.noted].last().filter(|last| last.start >= piece.start);
            let Some(object) = last else {
                out.extend_from_slice(&written[piece.start..piece.end]);
                continue;
            };
            left.push(Piece { start: object.end, end: piece.end, noted: 0 });
            left.extend(self.sorted[object.members.clone()].iter().rev());
            left.push(Piece { start: piece.start, end: object.start, noted: object.before });
        }
    }
}

/// Compares two names, each as it is written, up to its closing quote.
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    // What is written the same, up to an escape, needs no closer look.
    let same = a.iter().zip(b).take_while(|(a, b)| a == b && !matches!(a, b'"' | b'\\')).count();
    let (mut a, mut b) = (a[same..].iter(), b[same..].iter());
    std::iter::from_fn(|| key(&mut a)).cmp(std::iter::from_fn(|| key(&mut b)))
}

/// The next byte of a name without its escapes, so changed that bytes are in the order of UTF-16: the characters of two code units,
/// which UTF-8 begins with F0 to F4, come before those that it begins with EE and EF.
fn key(name: &mut std::slice::Iter<'_, u8>) -> Option<u8> {
    Some(match *name.next()? {
        b'"' => return None,
        b'\\' => match *name.next()? {
            b'b' => 0x08,
            b't' => b'\t',
            b'n' => b'\n',
            b'f' => 0x0c,
            b'r' => b'\r',
            // Only the last two of its four digits are not zero.
            b'u' => hex(*name.nth(2)?)? << 4 | hex(*name.next()?)?,
            byte => byte,
        },
        byte @ 0xee..=0xef => byte + 5,
        byte @ 0xf0.. => byte - 2,
        byte => byte,
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}
