//! Reads YAML as JSON values, each with its line and column.
//!
//! Pure. Scalars mean what YAML 1.2 says, as `kubectl` reads them save for `yes` and `no`. Nesting, size and what aliases
//! repeat are bounded, so that every text is read in a short time.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::{Map, Number, Value};

use crate::error::{VALUE, shown};
use crate::fault::Fault;
use crate::position::{Position, Positions};
use crate::syntax::{self, MAX_DEPTH};

/// Limit of the values that aliases repeat in one text.
const MAX_REPEATED: usize = 10_000;

/// One document of a text.
#[derive(Debug)]
pub(crate) struct Document {
    /// Its content.
    pub(crate) value: Value,
    /// The positions of its values.
    pub(crate) positions: Positions,
}

/// Reads all documents of a text. A document that is not valid YAML is a fault; the others are still read.
pub(crate) fn read(text: &str) -> (Vec<Document>, Vec<Fault>) {
    let mut options = granit_parser::options! { flow_nesting_limit: MAX_DEPTH, block_nesting_limit: MAX_DEPTH };
    options.set_emit_comments(false);
    let parser = Parser::new_from_str_with_options(text, options);
    let mut reader = Reader { text, parser, anchors: BTreeMap::new(), repeated: 0, faults: Vec::new() };
    let mut documents = Vec::new();
    loop {
        match reader.document() {
            Ok(document) => documents.push(document),
            Err(Stop::Syntax(fault)) => {
                reader.faults.push(fault);
                if reader.faults.len() >= Fault::MOST || !matches!(reader.parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
            Err(Stop::End) => break,
        }
    }
    (documents, reader.faults)
}

/// Why a document could not be read to its end.
enum Stop {
    /// It is not valid YAML, or too deep.
    Syntax(Fault),
    /// The text is at its end.
    End,
}

/// A value that an alias may repeat, with its size.
#[derive(Clone)]
struct Anchored {
    value: Value,
    values: usize,
    depth: usize,
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Anchored>,
    repeated: usize,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    /// The next event and where it begins.
    fn next(&mut self) -> Result<(Event<'a>, Position), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, position(span))),
            Some(Err(error)) => Err(Stop::Syntax(syntax::fault(&error, at(&error), self.text))),
            None => Err(Stop::End),
        }
    }

    /// The next document.
    fn document(&mut self) -> Result<Document, Stop> {
        while !matches!(self.next()?.0, Event::DocumentStart(..)) {}
        let (event, position) = self.next()?;
        let mut positions = Positions::new(position);
        let value = self.node(event, position, 0, &mut positions)?;
        self.anchors.clear();
        Ok(Document { value, positions })
    }

    fn node(
        &mut self,
        event: Event<'a>,
        position: Position,
        depth: usize,
        positions: &mut Positions,
    ) -> Result<Value, Stop> {
        if depth > MAX_DEPTH {
            return Err(Stop::Syntax(Fault::new(position, syntax::TOO_DEEP)));
        }
        let (anchor, tag) = (event.anchor_id(), event.tag().cloned());
        let value = match event {
            Event::Scalar(text, style, ..) => scalar(&text, style, tag.as_ref()),
            Event::SequenceStart(..) => self.list(depth, positions)?,
            Event::MappingStart(..) => self.object(depth, positions)?,
            Event::Alias(id) => return self.alias(id, position, depth),
            _ => Value::Null,
        };
        if let Some(tag) = tag.filter(Tag::is_custom) {
            self.fault(
                position,
                format!("the tag {} has no meaning in a SigningJob: remove it", shown(&tag.original(), VALUE)),
            );
        }
        if let Some(id) = anchor {
            let (values, depth) = measure(&value);
            // A value that is too large to be repeated is not copied.
            let kept = if values <= MAX_REPEATED { value.clone() } else { Value::Null };
            self.anchors.insert(id, Anchored { value: kept, values, depth });
        }
        Ok(value)
    }

    fn list(&mut self, depth: usize, positions: &mut Positions) -> Result<Value, Stop> {
        let mut items = Vec::new();
        loop {
            let (event, position) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Value::Array(items));
            }
            let mut inner = Positions::new(position);
            items.push(self.node(event, position, depth + 1, &mut inner)?);
            positions.push((items.len() - 1).to_string(), inner);
        }
    }

    fn object(&mut self, depth: usize, positions: &mut Positions) -> Result<Value, Stop> {
        let mut members = Map::new();
        loop {
            let (event, position) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(Value::Object(members)),
                Event::Scalar(key, ..) => key.into_owned(),
                _ => return Err(Stop::Syntax(Fault::new(position, "a field's name must be plain text"))),
            };
            let mut inner = Positions::new(position);
            let (event, value_position) = self.next()?;
            let value = self.node(event, value_position, depth + 1, &mut inner)?;
            if key == "<<" {
                self.fault(position, "merge keys (<<) are not supported: write the fields out".to_owned());
            } else if members.contains_key(&key) {
                let first = positions.child(&key).map_or(position, Positions::position);
                self.fault(
                    position,
                    format!("{} is given twice, first in line {}: remove one", shown(&key, VALUE), first.line),
                );
            } else {
                members.insert(key.clone(), value);
                positions.push(key, inner);
            }
        }
    }

    /// The value that an alias repeats, within the limits.
    fn alias(&mut self, id: usize, position: Position, depth: usize) -> Result<Value, Stop> {
        let Some(anchored) = self.anchors.get(&id) else {
            return Err(Stop::Syntax(Fault::new(position, "this alias contains itself: write the value out")));
        };
        self.repeated += anchored.values;
        if depth + anchored.depth > MAX_DEPTH {
            return Err(Stop::Syntax(Fault::new(position, syntax::TOO_DEEP)));
        }
        if self.repeated > MAX_REPEATED {
            let sentence = format!("aliases repeat more than {MAX_REPEATED} values: write fewer of them");
            return Err(Stop::Syntax(Fault::new(position, sentence)));
        }
        Ok(anchored.value.clone())
    }

    fn fault(&mut self, position: Position, sentence: String) {
        if self.faults.len() < Fault::MOST {
            self.faults.push(Fault::new(position, sentence));
        }
    }
}

fn position(span: Span) -> Position {
    Position { line: span.start.line(), column: span.start.col() + 1 }
}

fn at(error: &ScanError) -> Position {
    Position { line: error.marker().line(), column: error.marker().col() + 1 }
}

/// The number of values in a value, itself included, and their depth.
fn measure(value: &Value) -> (usize, usize) {
    let inner = |(values, depth): (usize, usize), value: &Value| {
        let (more, deep) = measure(value);
        (values + more, depth.max(deep + 1))
    };
    match value {
        Value::Array(items) => items.iter().fold((1, 0), inner),
        Value::Object(members) => members.values().fold((1, 0), inner),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (1, 0),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    match tag.and_then(Tag::core_suffix) {
        None if style == ScalarStyle::Plain => plain(text),
        None | Some("str") => Value::String(text.to_owned()),
        Some(_) => plain(text),
    }
}

/// A scalar without quotes.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// A number as YAML 1.2 writes it. Digits after a leading zero are text, as they are for most readers.
fn number(text: &str) -> Option<Number> {
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) if text.starts_with('-') => ("-", digits),
        Some(digits) => ("", digits),
        None => ("", text),
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = digits.strip_prefix(prefix).filter(|digits| !digits.starts_with(['-', '+'])) {
            return i64::from_str_radix(&format!("{sign}{digits}"), radix).ok().map(Number::from);
        }
    }
    if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let signed = format!("{sign}{digits}");
    let whole = signed.parse::<i64>().map(Number::from).or_else(|_| signed.parse::<u64>().map(Number::from));
    whole.ok().or_else(|| signed.parse::<f64>().ok().and_then(Number::from_f64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What `serde_yaml_ng`, which reads YAML in many other programs, makes of the same scalars.
    #[test]
    fn scalars_are_read_as_others_read_them() {
        let scalars = [
            "1",
            "-1",
            "+1",
            "0",
            "-0",
            "007",
            "-01",
            "0x1F",
            "-0x1F",
            "0o17",
            "0b101",
            "1.5",
            "-1.5e3",
            "1e3",
            "1.",
            ".5",
            "+.5",
            "1_000",
            "true",
            "True",
            "yes",
            "no",
            "null",
            "~",
            "Null",
            "''",
            "'1'",
            "\"a\\nb\"",
            "a b",
            "18446744073709551615",
            "9223372036854775808",
            "-9223372036854775808",
            "0x",
            "e3",
            "+",
            "+-1",
            "0x-1",
            "2001-01-01",
            "12:30",
            "!!str 5",
            "!!int 5",
            "|\n  x\n",
        ];
        for scalar in scalars {
            let theirs: Value = serde_yaml_ng::from_str(&format!("a: {scalar}")).unwrap();
            let (ours, faults) = read(&format!("a: {scalar}"));
            assert!(faults.is_empty(), "{scalar}: {faults:?}");
            assert_eq!(ours[0].value, theirs, "{scalar}");
        }
        for unbounded in ["18446744073709551616", "-9223372036854775809"] {
            assert!(read(unbounded).0[0].value.is_f64(), "{unbounded}");
        }
    }

    fn is_read(text: &str) -> bool {
        read(text).1.is_empty()
    }

    #[test]
    fn the_deepest_nesting_is_read_and_one_level_more_is_not() {
        for (open, close) in [("[", "]"), ("{a: ", "}")] {
            let nested = |levels: usize, inner: &str| format!("{}{inner}{}", open.repeat(levels), close.repeat(levels));
            assert!(is_read(&nested(MAX_DEPTH, "1")) && !is_read(&nested(MAX_DEPTH + 1, "1")), "{open}");
            // The list around both counts, too.
            let repeated = |levels| format!("- &x {}\n- {}\n", nested(30, "1"), nested(levels, "*x"));
            assert!(is_read(&repeated(MAX_DEPTH - 31)) && !is_read(&repeated(MAX_DEPTH - 30)), "{open} with an alias");
        }
    }

    #[test]
    fn aliases_repeat_ten_thousand_values_and_not_one_more() {
        let repeat = |values: usize, times: usize| {
            format!("- &x [{}]\n- [{}]\n", vec!["1"; values - 1].join(", "), vec!["*x"; times].join(", "))
        };
        assert!(is_read(&repeat(100, MAX_REPEATED / 100)));
        assert!(!is_read(&repeat(100, MAX_REPEATED / 100 + 1)));
        assert!(is_read(&repeat(MAX_REPEATED, 1)));
        assert!(!is_read(&repeat(MAX_REPEATED + 1, 1)));
    }

    #[test]
    fn no_more_faults_are_kept_than_are_told() {
        let tags = "- !x y\n".repeat(2 * Fault::MOST);
        assert_eq!(read(&tags).1.len(), Fault::MOST);
    }

    #[test]
    fn aliases_repeat_what_they_stand_for() {
        let (documents, faults) = read("a: &x {b: [1]}\nc: *x\n");
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(documents[0].value, json!({"a": {"b": [1]}, "c": {"b": [1]}}));
    }
}
