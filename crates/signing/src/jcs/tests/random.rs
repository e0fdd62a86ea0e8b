//! Values made at random, each written in many ways, and texts changed at random.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use super::*;

pub(super) fn seeded() -> StdRng {
    let seed = std::env::var("SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// Numbers in some of their forms, the canonical one first.
const NUMBERS: [&[&str]; 6] = [
    &["0", "-0", "0.00", "0e5"],
    &["-1.5", "-15e-1", "-0.015E+2", "-1.500"],
    &["1e+21", "1000000000000000000000", "1E21"],
    &["1e-7", "0.0000001", "10e-8"],
    &["100", "1e2", "100.0"],
    &["0.30000000000000004", "3.0000000000000004e-1"],
];

/// Parts of strings and names that are hard to sort.
const PARTS: [&str; 16] = [
    "a",
    "b",
    "",
    "\"",
    "\\",
    "\u{1}",
    "\n",
    "\u{1f}",
    " ",
    "/",
    "\u{7f}",
    "\u{e9}",
    "\u{d7ff}",
    "\u{e000}",
    "\u{ffff}",
    "\u{10000}",
];

enum Value {
    Word(&'static str),
    Number(&'static [&'static str]),
    String(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

fn pick<T: Copy>(rng: &mut StdRng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}

fn string(rng: &mut StdRng) -> String {
    (0..rng.random_range(0..4)).map(|_| pick(rng, &PARTS)).collect()
}

fn value(rng: &mut StdRng, depth: usize) -> Value {
    let count = rng.random_range(0..5);
    match rng.random_range(0..if depth < 5 { 7 } else { 3 }) {
        0 => Value::Word(pick(rng, &["true", "false", "null"])),
        1 => Value::Number(pick(rng, &NUMBERS)),
        2 => Value::String(string(rng)),
        3 | 4 => Value::Array((0..count).map(|_| value(rng, depth + 1)).collect()),
        _ => {
            let mut members: Vec<(String, Value)> = (0..count).map(|_| (string(rng), value(rng, depth + 1))).collect();
            members.sort_by_cached_key(|(name, _)| name.encode_utf16().collect::<Vec<_>>());
            members.dedup_by(|a, b| a.0 == b.0);
            Value::Object(members)
        }
    }
}

/// How a value is written: canonically, or in any way.
enum Style<'a> {
    Canonical,
    Any(&'a mut StdRng),
}

fn write(value: &Value, style: &mut Style<'_>, out: &mut String) {
    space(style, out);
    match value {
        Value::Word(word) => out.push_str(word),
        Value::Number(forms) => match style {
            Style::Canonical => out.push_str(forms[0]),
            Style::Any(rng) => out.push_str(pick(rng, forms)),
        },
        Value::String(string) => write_string(string, style, out),
        Value::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write(value, style, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            if let Style::Any(rng) = style {
                members.shuffle(rng);
            }
            out.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                space(style, out);
                write_string(name, style, out);
                space(style, out);
                out.push(':');
                write(value, style, out);
            }
            out.push('}');
        }
    }
    space(style, out);
}

fn space(style: &mut Style<'_>, out: &mut String) {
    if let Style::Any(rng) = style {
        out.push_str(pick(rng, &["", "", "", " ", "\n", "\t\r"]));
    }
}

fn write_string(string: &str, style: &mut Style<'_>, out: &mut String) {
    out.push('"');
    for character in string.chars() {
        let way = if let Style::Any(rng) = style { rng.random_range(0..6) } else { 6 };
        match character {
            _ if way < 2 => {
                out.extend(character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
            }
            '/' if way < 4 => out.push_str("\\/"),
            '\n' => out.push_str("\\n"),
            '"' | '\\' => out.extend(['\\', character]),
            ..' ' => out.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => out.push(character),
        }
    }
    out.push('"');
}

#[test]
fn all_texts_of_a_value_have_one_form() {
    let mut rng = seeded();
    for _ in 0..5_000 {
        let value = value(&mut rng, 0);
        let mut expected = String::new();
        write(&value, &mut Style::Canonical, &mut expected);
        for _ in 0..3 {
            let mut text = String::new();
            write(&value, &mut Style::Any(&mut rng), &mut text);
            assert_canonical(&text, &expected);
        }
    }
}

/// A changed text is refused, or has a form that is its own; and it is JSON for another reader exactly if it is for this one.
#[test]
fn changed_texts_are_refused_or_have_a_form() {
    let mut rng = seeded();
    let (mut formed, mut refused) = (0, 0);
    for _ in 0..30_000 {
        let mut text = String::new();
        let value = value(&mut rng, 2);
        write(&value, &mut Style::Any(&mut rng), &mut text);
        let mut bytes = text.into_bytes();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..=bytes.len());
            match rng.random_range(0..3) {
                0 if at < bytes.len() => bytes[at] = rng.random(),
                1 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.insert(at, pick(&mut rng, b"{}[]\",:\\0179-.eEutn \n\x00\x80\xff")),
            }
        }
        let read = serde_json::from_slice::<serde_json::Value>(&bytes);
        match canonical(&bytes) {
            Ok(form) => {
                formed += 1;
                assert!(read.is_ok(), "{bytes:?}");
                assert_eq!(canonical(&form).as_ref(), Ok(&form));
            }
            Err(NotCanonical::Duplicate(_) | NotCanonical::Number(_)) => {}
            Err(error) => {
                refused += 1;
                assert!(read.is_err(), "{error} {bytes:?}");
            }
        }
    }
    assert!(formed > 1_000 && refused > 1_000, "{formed} {refused}");
}

#[test]
fn bytes_at_random_never_panic() {
    let mut rng = seeded();
    for _ in 0..50_000 {
        let length = rng.random_range(0..40);
        let bytes: Vec<u8> =
            (0..length).map(|_| pick(&mut rng, b"{}[]\",:\\0179-.eEutn a\x00\x1f\x80\xc3\xa9\xff")).collect();
        let _ = canonical(&bytes);
    }
}
