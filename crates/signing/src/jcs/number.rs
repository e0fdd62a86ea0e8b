//! Numbers: what a text says, whether a double holds it, and how ECMAScript writes it (RFC 8785 §3.2.2.3).

use std::io::Write as _;

/// No double needs more digits to be told from all others.
const MAX_DIGITS: usize = 17;

/// A number of this many digits and exponents is the shortest one for its double, because in that range no two such numbers have the
/// same double.
const SURE_DIGITS: usize = 15;
const SURE_EXPONENTS: std::ops::RangeInclusive<i64> = -307..=307;

/// A number as it stands in a text.
pub(super) struct Number<'a> {
    pub(super) negative: bool,
    integer: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
    /// How many bytes it has.
    pub(super) length: usize,
}

impl<'a> Number<'a> {
    /// Reads the number that `text` begins with (RFC 8259 §6). If it begins with none, the error is where that shows.
    pub(super) fn read(text: &'a [u8]) -> Result<Self, usize> {
        let negative = text.first() == Some(&b'-');
        let mut at = usize::from(negative);
        let integer = match text.get(at) {
            Some(b'0') => &text[at..=at],
            _ => digits(text, at)?,
        };
        at += integer.len();
        let mut fraction = &text[..0];
        if text.get(at) == Some(&b'.') {
            fraction = digits(text, at + 1)?;
            at += 1 + fraction.len();
        }
        let mut exponent = 0_i64;
        if let Some(b'e' | b'E') = text.get(at) {
            let sign = text.get(at + 1).filter(|byte| matches!(byte, b'+' | b'-'));
            at += 1 + usize::from(sign.is_some());
            let power = digits(text, at)?;
            at += power.len();
            // A text is never so long that its other digits could make up for an exponent that does not fit.
            for digit in power {
                exponent = exponent.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
            }
            if sign == Some(&b'-') {
                exponent = -exponent;
            }
        }
        Ok(Self { negative, integer, fraction, exponent, length: at })
    }
}

/// The digits at `at`, at least one.
fn digits(text: &[u8], at: usize) -> Result<&[u8], usize> {
    let rest = text.get(at..).unwrap_or_default();
    let count = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    if count == 0 { Err(at) } else { Ok(&rest[..count]) }
}

/// A decimal number without its sign, in its only form: `d.ddd…` times ten to the power of the exponent.
#[derive(PartialEq, Eq)]
pub(super) struct Decimal {
    /// Neither the first nor the last of those that count is zero; the others are. None counts if the number is zero.
    digits: [u8; MAX_DIGITS],
    count: usize,
    exponent: i64,
}

impl Decimal {
    /// `number`, unless it has more digits than any double.
    pub(super) fn of(number: &Number<'_>) -> Option<Self> {
        let mut decimal = Self { digits: [b'0'; MAX_DIGITS], count: 0, exponent: 0 };
        // Behind the last digit that is not zero.
        let mut zeros = 0;
        for (before, digit) in number.integer.iter().chain(number.fraction).enumerate() {
            if *digit == b'0' {
                zeros += 1;
                continue;
            }
            if decimal.count == 0 {
                zeros = 0;
                let power = number.integer.len() as i64 - 1 - before as i64;
                decimal.exponent = number.exponent.saturating_add(power);
            }
            *decimal.digits.get_mut(decimal.count + zeros)? = *digit;
            decimal.count += zeros + 1;
            zeros = 0;
        }
        Some(decimal)
    }

    /// Appends the number as ECMAScript writes its double. False if the double's shortest digits are another number.
    pub(super) fn write(&self, negative: bool, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        if negative && self.count > 0 {
            out.push(b'-');
        }
        let sure = self.count <= SURE_DIGITS && SURE_EXPONENTS.contains(&self.exponent);
        self.layout(out).is_ok() && (sure || shortest(&out[start..]).as_ref() == Some(self))
    }

    /// ECMAScript's Number::toString (ECMA-262 §6.1.6.1.20) from its digits and exponent.
    fn layout(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let digits = &self.digits[..self.count];
        let Some((first, more)) = digits.split_first() else { return out.write_all(b"0") };
        match self.exponent {
            0..=20 => {
                // How many digits are before the point.
                let whole = self.exponent as usize + 1;
                if whole < digits.len() {
                    out.extend_from_slice(&digits[..whole]);
                    out.push(b'.');
                    out.extend_from_slice(&digits[whole..]);
                } else {
                    out.extend_from_slice(digits);
                    out.resize(out.len() + whole - digits.len(), b'0');
                }
            }
            -6..=-1 => {
                out.extend_from_slice(b"0.");
                out.resize(out.len() + (-1 - self.exponent) as usize, b'0');
                out.extend_from_slice(digits);
            }
            _ => {
                out.push(*first);
                if !more.is_empty() {
                    out.push(b'.');
                    out.extend_from_slice(more);
                }
                write!(out, "e{:+}", self.exponent)?;
            }
        }
        Ok(())
    }
}

/// The shortest number whose double is that of `number`; of several the closest, and of two as close the even one, as ECMAScript has it.
/// The standard library has the odd one at times.
fn shortest(number: &[u8]) -> Option<Decimal> {
    let double: f64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    let mut buffer = zmij::Buffer::new();
    let text = double.is_finite().then(|| buffer.format_finite(double))?;
    Decimal::of(&Number::read(text.as_bytes()).ok()?)
}
