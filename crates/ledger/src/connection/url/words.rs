//! Key=value pairs, as libpq reads them.

use std::iter::Peekable;
use std::str::Chars;

/// The pairs in their order; `None` for a text that is not made of pairs.
pub(super) fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let mut rest = text.chars().peekable();
    let mut pairs = Vec::new();
    loop {
        skip_space(&mut rest);
        if rest.peek().is_none() {
            break;
        }
        let mut name = String::new();
        while let Some(letter) = rest.next_if(|letter| *letter != '=' && !letter.is_whitespace()) {
            name.push(letter);
        }
        skip_space(&mut rest);
        rest.next_if_eq(&'=')?;
        skip_space(&mut rest);
        pairs.push((name, value(&mut rest)?));
    }
    (!pairs.is_empty()).then_some(pairs)
}

fn skip_space(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|letter| letter.is_whitespace()).is_some() {}
}

/// A word, or anything between single quotes; a backslash takes the next character as it is.
fn value(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    let quoted = rest.next_if_eq(&'\'').is_some();
    let mut value = String::new();
    loop {
        match rest.peek().copied() {
            Some('\'') if quoted => {
                rest.next();
                return Some(value);
            }
            None if quoted => return None,
            None => return Some(value),
            Some(letter) if !quoted && letter.is_whitespace() => return Some(value),
            Some(letter) => {
                rest.next();
                value.push(if letter == '\\' { rest.next()? } else { letter });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::pairs;

    #[test]
    fn pairs_are_read_with_space_quotes_and_backslashes() {
        for (text, expected) in [
            ("a=b", Some("a:b")),
            ("a=b c=d", Some("a:b|c:d")),
            ("  a = b \n c=d ", Some("a:b|c:d")),
            ("a='b c' d=e", Some("a:b c|d:e")),
            ("a='b'c=d", Some("a:b|c:d")),
            ("a='' c=d", Some("a:|c:d")),
            (r"a='it\'s'", Some("a:it's")),
            (r"a=b\ c", Some("a:b c")),
            (r"a=\\", Some(r"a:\")),
            ("a=b'c", Some("a:b'c")),
            ("a=", Some("a:")),
            ("=b", Some(":b")),
            ("", None),
            (" ", None),
            ("a", None),
            ("a b=c", None),
            ("a='b", None),
            (r"a=b\", None),
        ] {
            let read = pairs(text)
                .map(|pairs| pairs.iter().map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>());
            assert_eq!(read.map(|pairs| pairs.join("|")).as_deref(), expected, "{text:?}");
        }
    }
}
