//! Canonical JSON against RFC 8785's own examples, against a second way of writing it, and on texts that are not JSON.

mod numbers;
mod random;

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::*;

fn canonical(text: impl AsRef<[u8]>) -> Result<String, NotCanonical> {
    let mut out = b"before".to_vec();
    let result = canonicalize(text.as_ref(), &mut out);
    let added = out.strip_prefix(b"before").expect("what was in the buffer stays");
    assert!(result.is_ok() || added.is_empty(), "{result:?} has left {added:?}");
    result.map(|()| String::from_utf8(added.to_vec()).unwrap())
}

fn assert_canonical(text: &str, expected: &str) {
    assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
    assert_eq!(canonical(expected).as_deref(), Ok(expected), "canonical form of {text}");
}

#[test]
fn the_examples_of_the_rfc() {
    // 3.2.2, with its first number in the digits that its double has.
    let text = r#"{
       "numbers": [333333333.3333333, 1E30, 4.50,
                   2e-3, 0.000000000000000000000000001],
       "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
       "literals": [null, true, false]
     }"#;
    let expected = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
        \"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    assert_canonical(text, expected);
    assert_eq!(canonical(text.replace("333.3333333,", "333.33333329,")), Err(NotCanonical::Number(21)));

    // 3.2.3.
    let text = r#"{
       "\u20ac": "Euro Sign",
       "\r": "Carriage Return",
       "\ufb33": "Hebrew Letter Dalet With Dagesh",
       "1": "One",
       "\ud83d\ude00": "Emoji: Grinning Face",
       "\u0080": "Control",
       "\u00f6": "Latin Small Letter O With Diaeresis"
     }"#;
    let expected = "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
        \"\u{f6}\":\"Latin Small Letter O With Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\
        \"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}";
    assert_canonical(text, expected);
}

#[test]
fn white_space_is_left_out() {
    let expected = r#"{"":[1,"a b",{},[],-2],"x":true}"#;
    let tokens = [
        "{", r#""x""#, ":", "true", ",", r#""""#, ":", "[", "1", ",", r#""a b""#, ",", "{", "}", ",", "[", "]", ",",
        "-2", "]", "}",
    ];
    for space in ["", " ", "\t", "\n", "\r", " \r\n\t "] {
        assert_canonical(&format!("{space}{}{space}", tokens.join(space)), expected);
    }
    for other in ["\u{b}", "\u{c}", "\u{a0}", "\u{feff}", "\0", "//", "_"] {
        assert_eq!(canonical(format!("{other}1")), Err(NotCanonical::Syntax(0)), "{other:?}");
        assert_eq!(canonical(format!("1{other}")), Err(NotCanonical::Syntax(1)), "{other:?}");
    }
}

#[test]
fn members_are_sorted_at_every_depth() {
    for (text, expected) in [
        (r#"{"b":1,"a":2}"#, r#"{"a":2,"b":1}"#),
        (r#"{"aa":1,"a":2,"":3,"B":4,"ab":5}"#, r#"{"":3,"B":4,"a":2,"aa":1,"ab":5}"#),
        // What has to be in order on the outside only, on the inside only, and on both; before, between and behind other things.
        (r#"{"b":{"c":0,"d":1},"a":[{}]}"#, r#"{"a":[{}],"b":{"c":0,"d":1}}"#),
        (r#"{"a":{"d":0,"c":1},"b":2}"#, r#"{"a":{"c":1,"d":0},"b":2}"#),
        (r#"{"b":{"d":0,"c":1},"a":{"f":2,"e":3}}"#, r#"{"a":{"e":3,"f":2},"b":{"c":1,"d":0}}"#),
        (
            r#"[0,{"b":1,"a":2},3,{"d":4,"c":[{"f":5,"e":6},7,{}]},8]"#,
            r#"[0,{"a":2,"b":1},3,{"c":[{"e":6,"f":5},7,{}],"d":4},8]"#,
        ),
        (
            r#"{"b":[{"y":{"n":1,"m":2},"x":[]},{"z":3}],"a":{"p":{"r":4,"q":5}}}"#,
            r#"{"a":{"p":{"q":5,"r":4}},"b":[{"x":[],"y":{"m":2,"n":1}},{"z":3}]}"#,
        ),
        // By the names and not by how they are written; a quote and a backslash sort as they are.
        (r#"{"\u0062":1,"\u0061":2}"#, r#"{"a":2,"b":1}"#),
        (r#"{"]":0,"[":1,"\\":2,"\u0021":3}"#, r#"{"!":3,"[":1,"\\":2,"]":0}"#),
        (r##"{"!":0,"\"":1,"#":2," ":3}"##, r##"{" ":3,"!":0,"\"":1,"#":2}"##),
        (
            r#"{" ":0,"\u001f":1,"\u0010":2,"\u000f":3,"\r":4,"\f":5,"\u000b":6,"\n":7,"\t":8,"\b":9,"\u0007":10,"\u0000":11}"#,
            r#"{"\u0000":11,"\u0007":10,"\b":9,"\t":8,"\n":7,"\u000b":6,"\f":5,"\r":4,"\u000f":3,"\u0010":2,"\u001f":1," ":0}"#,
        ),
        // Characters of two code units come before those from U+E000 on.
        (
            "{\"\u{ffff}\":0,\"\u{e000}\":1,\"\u{10ffff}\":2,\"\u{10000}\":3,\"\u{d7ff}\":4}",
            "{\"\u{d7ff}\":4,\"\u{10000}\":3,\"\u{10ffff}\":2,\"\u{e000}\":1,\"\u{ffff}\":0}",
        ),
    ] {
        assert_canonical(text, expected);
    }
}

#[test]
fn every_character_has_one_form() {
    for character in (0..=0x2_0000).chain(0x10_ff00..=0x10_ffff).filter_map(char::from_u32) {
        let form = match character {
            '\u{8}' => "\\b".to_owned(),
            '\t' => "\\t".to_owned(),
            '\n' => "\\n".to_owned(),
            '\u{c}' => "\\f".to_owned(),
            '\r' => "\\r".to_owned(),
            '"' | '\\' => format!("\\{character}"),
            ..' ' => format!("\\u{:04x}", u32::from(character)),
            _ => character.to_string(),
        };
        let expected = format!("\"{form}\"");
        let units = character.encode_utf16(&mut [0; 2]).to_vec();
        let lower: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
        let upper: String = units.iter().map(|unit| format!("\\u{unit:04X}")).collect();
        for text in [&form, &lower, &upper] {
            assert_eq!(canonical(format!("\"{text}\"")).as_ref(), Ok(&expected), "{character:?}");
        }
        if character < ' ' {
            assert_eq!(canonical(format!("\"{character}\"")), Err(NotCanonical::Syntax(1)), "{character:?}");
        }
    }
    assert_canonical(r#""\/""#, r#""/""#);
}

#[test]
fn what_is_not_unicode_is_refused() {
    for (text, at) in [
        (r#""\ud800""#, 1),
        (r#"["ab\udfff"]"#, 4),
        (r#""\ud800\ud800\udc00""#, 1),
        (r#""\udc00\ud800""#, 1),
        (r#""\ud800\u0061""#, 1),
        (r#""\ud800\n""#, 1),
        (r#""\ud800udc00""#, 1),
        (r#"{"\uDBFF":0}"#, 2),
        (r#""\ud83d\ude00\ud83d""#, 13),
    ] {
        assert_eq!(canonical(text), Err(NotCanonical::Surrogate(at)), "{text}");
    }
    for (text, at) in [
        (b"\"\xff\"".as_slice(), 1),
        (b"\"a\xc3\"", 2),
        (b"\"\xc0\x80\"", 1),
        (b"\"\xed\xa0\x80\"", 1),
        (b"\"\xf4\x90\x80\x80\"", 1),
        (b"[1]\x80", 3),
    ] {
        assert_eq!(canonical(text), Err(NotCanonical::Encoding(at)), "{text:?}");
    }
}

#[test]
fn a_name_may_be_in_an_object_once() {
    for (text, at) in [
        (r#"{"a":1,"a":1}"#, 0),
        (r#"{"a":1,"b":2,"a":3}"#, 0),
        (r#"{"b":1,"a":2,"\u0061":3}"#, 0),
        (r#"[0, {"":1,"":2}]"#, 4),
        (r#"{"x":{"\u001f":1,"\u001F":2}}"#, 5),
        ("{\"\u{1f600}\":1,\"\\ud83d\\ude00\":2}", 0),
    ] {
        assert_eq!(canonical(text), Err(NotCanonical::Duplicate(at)), "{text}");
    }
    assert_canonical(r#"{"a":{"a":[{"a":1},{"a":2}]}}"#, r#"{"a":{"a":[{"a":1},{"a":2}]}}"#);
}

#[test]
fn depth_has_a_limit() {
    let arrays = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth| format!("{}0{}", r#"{"b":"#.repeat(depth), r#","a":0}"#.repeat(depth));
    let nested = move || {
        assert_eq!(canonical(arrays(500)), Ok(arrays(500)));
        assert_eq!(canonical(arrays(501)), Err(NotCanonical::Depth(500)));
        assert_eq!(canonical("[".repeat(10_000_000)), Err(NotCanonical::Depth(500)));
        let sorted = format!("{}0{}", r#"{"a":0,"b":"#.repeat(500), "}".repeat(500));
        assert_eq!(canonical(objects(500)), Ok(sorted));
        assert_eq!(canonical(objects(501)), Err(NotCanonical::Depth(2500)));
    };
    // Half of the stack that threads have.
    std::thread::Builder::new().stack_size(1 << 20).spawn(nested).unwrap().join().unwrap();
    assert_eq!(
        canonical(format!("[{}]", vec![arrays(499); 3].join(","))),
        Ok(format!("[{}]", vec![arrays(499); 3].join(",")))
    );
}

#[test]
fn what_is_not_json_is_refused_where_that_shows() {
    for (text, at) in [
        ("[1,]", 3),
        ("[,1]", 1),
        ("[1 2]", 3),
        ("[1}", 2),
        (r#"{"a":1]"#, 6),
        (r#"{"a":1,}"#, 7),
        (r#"{"a" 1}"#, 5),
        (r#"{"a":}"#, 5),
        ("{1:2}", 1),
        ("{,}", 1),
        ("}", 0),
        ("'a'", 0),
        ("truE", 3),
        ("nul1", 3),
        ("fals\n", 4),
        ("NaN", 0),
        ("1 1", 2),
        ("\"a\nb\"", 2),
        (r#""\x""#, 2),
        (r#""\u12g4""#, 5),
        (r#""\ud800\u12""#, 11),
        ("\"\\u\u{e9}\"", 3),
    ] {
        assert_eq!(canonical(text), Err(NotCanonical::Syntax(at)), "{text}");
    }
    for text in [
        "",
        " ",
        "[",
        "[1",
        "[1,",
        "{",
        r#"{"a"#,
        r#"{"a""#,
        r#"{"a":"#,
        r#"{"a":1"#,
        r#"{"a":1,"#,
        "tru",
        "-",
        "\"",
        r#""\"#,
        r#""\u12"#,
        "1.",
        "1e",
    ] {
        assert_eq!(canonical(text), Err(NotCanonical::Unfinished(text.len())), "{text}");
    }
}

#[test]
fn a_text_that_is_cut_off_is_refused() {
    let text = "{\"a\u{e9}\u{1f600}\\ud83d\\ude00\\n\":[true,false,null,-1.5e+3,0.25,{\"c\":1,\"b\":[]}],\"\":{}}";
    assert!(canonical(text).is_ok());
    for length in 0..text.len() {
        let refused = canonical(&text.as_bytes()[..length]).unwrap_err();
        let expected = match std::str::from_utf8(&text.as_bytes()[..length]) {
            Err(error) => NotCanonical::Encoding(error.valid_up_to()),
            // The first half of a pair.
            Ok(begun) if begun.ends_with("\\ud83d") || begun.ends_with("\\ud83d\\") => NotCanonical::Surrogate(9),
            Ok(_) => NotCanonical::Unfinished(length),
        };
        assert_eq!(refused, expected, "{length}");
    }
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    for (text, sentence) in [
        ("[1,]", "not JSON: what begins at byte 3 has no place there"),
        ("[1,", "not JSON: the text ends at byte 3, before its value does"),
        (r#"["\ud800"]"#, "not Unicode: the escape at byte 2 is half of a surrogate pair, without the other half"),
        (r#"[{"a":1,"a":2}]"#, "the object that begins at byte 1 has two members of the same name"),
        (
            "[1e400]",
            "the number at byte 1 would change: canonical JSON has doubles (IEEE 754) only; a string would keep it",
        ),
        (&"[".repeat(600), "the object or array at byte 500 is within 500 others, the most that there may be"),
    ] {
        assert_eq!(canonical(text).unwrap_err().to_string(), sentence);
    }
    let encoding = canonical(b"\"\xff\"").unwrap_err();
    assert_eq!(encoding.to_string(), "not Unicode: what begins at byte 1 is not UTF-8");
}

/// The least of some times that this thread takes on a processor to read `text`: others may be busy there, too.
fn time(text: &str) -> Duration {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let mut out = Vec::new();
    let times = (0..5).map(|_| {
        out.clear();
        let start = now();
        let _ = canonicalize(text.as_bytes(), &mut out);
        now() - start
    });
    times.min().unwrap()
}

#[test]
fn no_text_takes_much_longer_than_others_of_its_length() {
    const LENGTH: usize = 1 << 18;
    let fill = |part: &str| part.repeat(LENGTH / part.len());
    let members = |name: &dyn Fn(usize) -> String, count: usize| -> String {
        let members: Vec<String> = (0..count).rev().map(|number| format!("\"{}\":0", name(number))).collect();
        format!("{{{}}}", members.join(","))
    };
    // A usual one, of numbers and short names.
    let usual = time(&format!("[{}0]", fill(r#"{"id":12345,"name":"some name","price":12.5},"#)));
    for (what, text) in [
        (
            "no order, and a long value in the depth",
            format!("{}\"{}\"{}", r#"{"b":"#.repeat(500), fill("x"), r#","a":0}"#.repeat(500)),
        ),
        ("no order, in small objects", format!("[{}0]", fill(r#"{"b":0,"a":0},"#))),
        ("many members", members(&|number| number.to_string(), LENGTH / 12)),
        ("many members with long names", members(&|number| format!("{}{number}", "x".repeat(500)), LENGTH / 512)),
        ("a long number", format!("1{}e-{LENGTH}", fill("0"))),
        ("a long fraction", format!("0.{}1e{LENGTH}", fill("0"))),
        ("a long exponent", format!("1e{}", fill("9"))),
        ("many exponents", format!("[{}0]", fill("1e307,"))),
        ("many digits", format!("[{}0]", fill("0.30000000000000004,"))),
        ("many escapes", format!("\"{}\"", fill("\\u0001"))),
    ] {
        let hostile = time(&text);
        assert!(hostile < usual * 12, "{what}: {hostile:?} for {} bytes, {usual:?} for others", text.len());
    }
}
