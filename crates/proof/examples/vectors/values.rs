//! Vectors of the values in a canonical row: SQL of each accepted type, and its text. crates/ledger/tests/it/rows.rs reads them from every
//! supported version of Postgres, under all settings.

use serde_json::{Value, json};

/// Type, SQL literals, and the text of each.
const TEXTS: [(&str, &[(&str, &str)]); 26] = [
    ("bool", &[("true", "true"), ("false", "false")]),
    ("int2", &[("-32768", "-32768")]),
    ("int4", &[("2147483647", "2147483647")]),
    ("int8", &[("'-9223372036854775808'", "-9223372036854775808"), ("0", "0")]),
    (
        "float4",
        &[
            ("0.1", "0.1"),
            ("'NaN'", "NaN"),
            ("'-Infinity'", "-Infinity"),
            ("'-0'", "-0"),
            ("1e-45", "1e-45"),
            ("1e7", "1e+07"),
        ],
    ),
    (
        "float8",
        &[
            ("0.1", "0.1"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("1e300", "1e+300"),
            ("'NaN'", "NaN"),
            ("'Infinity'", "Infinity"),
            ("'-0'", "-0"),
            ("5e-324", "5e-324"),
        ],
    ),
    (
        "numeric",
        &[
            ("1.50", "1.50"),
            ("1.5", "1.5"),
            ("-0.0", "0.0"),
            ("'NaN'", "NaN"),
            ("'Infinity'", "Infinity"),
            ("1e30", "1000000000000000000000000000000"),
            ("0.00000000000000000001", "0.00000000000000000001"),
        ],
    ),
    (
        "text",
        &[
            ("''", ""),
            ("E'a\\tb\\nc'", "a\tb\nc"),
            ("U&'\\+01F600 e\\0301 \\FEFF \\202E'", "\u{1f600} e\u{301} \u{feff} \u{202e}"),
        ],
    ),
    ("varchar", &[("'größe '", "größe ")]),
    ("bpchar", &[("'ab  '", "ab")]),
    ("uuid", &[("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")]),
    ("json", &[("'{\"b\": 1.0,\"a\" :[]}'", "{\"b\": 1.0,\"a\" :[]}")]),
    (
        "jsonb",
        &[
            ("'{\"bb\":1.0,\"a\":[1e2],\"b\":null}'", "{\"a\": [100], \"b\": null, \"bb\": 1.0}"),
            ("'12345678901234567890123456789.10'", "12345678901234567890123456789.10"),
        ],
    ),
    (
        "date",
        &[
            ("'2026-02-03'", "2026-02-03"),
            ("'0044-03-15 BC'", "0044-03-15 BC"),
            ("'infinity'", "infinity"),
            ("'12345-01-02'", "12345-01-02"),
        ],
    ),
    ("time", &[("'24:00:00'", "24:00:00"), ("'01:02:03.000004'", "01:02:03.000004")]),
    ("timetz", &[("'01:02:03+05:30'", "01:02:03+05:30"), ("'23:59:59.5-08'", "23:59:59.5-08")]),
    (
        "timestamp",
        &[
            ("'2026-02-03 04:05:06.700000'", "2026-02-03 04:05:06.7"),
            ("'0044-03-15 00:00:00 BC'", "0044-03-15 00:00:00 BC"),
            ("'-infinity'", "-infinity"),
        ],
    ),
    (
        "timestamptz",
        &[
            ("'2026-07-01 12:00:00+02'", "2026-07-01 10:00:00+00"),
            ("'2026-02-03 04:05:06.123456-08:30'", "2026-02-03 12:35:06.123456+00"),
            ("'0001-01-01 00:00:00+01'", "0001-12-31 23:00:00+00 BC"),
            ("'infinity'", "infinity"),
        ],
    ),
    (
        "interval",
        &[
            ("'1 year 2 months -3 days 04:05:06.7'", "1 year 2 mons -3 days +04:05:06.7"),
            ("'0'", "00:00:00"),
            ("'-1 month 1 day'", "-1 mons +1 day"),
        ],
    ),
    ("bit", &[("B'1'", "1")]),
    ("varbit", &[("B'0101'", "0101"), ("B''", "")]),
    ("cidr", &[("'10.1.0.0/16'", "10.1.0.0/16"), ("'2001:db8::/32'", "2001:db8::/32")]),
    ("inet", &[("'10.1.2.3'", "10.1.2.3/32"), ("'10.1.2.3/8'", "10.1.2.3/8"), ("'::1'", "::1/128")]),
    ("macaddr", &[("'08-00-2B-01-02-03'", "08:00:2b:01:02:03")]),
    ("macaddr8", &[("'08002b0102030405'", "08:00:2b:01:02:03:04:05")]),
    ("bytea", &[]),
];

/// With `json: JCS`: type, SQL, and the text, or nothing where the record is rejected.
const CANONICAL: [(&str, &str, Option<&str>); 7] = [
    ("json", "'{\"b\": 1.0, \"a\" :[]}'", Some("{\"a\":[],\"b\":1}")),
    ("jsonb", "'{\"bb\":1.0,\"a\":[1e2],\"b\":null}'", Some("{\"a\":[100],\"b\":null,\"bb\":1}")),
    ("jsonb", "'[0.1, 1e21, 1e-7, -0, 9007199254740992]'", Some("[0.1,1e+21,1e-7,0,9007199254740992]")),
    ("json", "'\"\\u20ac\\u0007\\/\"'", Some("\"\u{20ac}\\u0007/\"")),
    ("jsonb", "'12345678901234567890123456789.10'", None),
    ("json", "'{\"a\": 1, \"a\": 1}'", None),
    ("json", "'\"\\ud800\"'", None),
];

/// All of them.
pub(crate) fn values() -> Value {
    let texts = TEXTS.iter().flat_map(|(of_type, values)| {
        let null = json!({"type": of_type, "sql": "NULL", "kind": kind(of_type), "null": true});
        let text =
            |(sql, text): &(&str, &str)| json!({"type": of_type, "sql": sql, "kind": kind(of_type), "text": text});
        values.iter().map(text).chain([null]).collect::<Vec<_>>()
    });
    let bytes = [("'\\x'", ""), ("'\\x00ff0a5c'", "00ff0a5c")]
        .map(|(sql, hex)| json!({"type": "bytea", "sql": sql, "kind": kind("bytea"), "hex": hex}));
    let canonical = CANONICAL.iter().map(|(of_type, sql, text)| match text {
        Some(text) => json!({"type": of_type, "sql": sql, "json": "JCS", "kind": kind(of_type), "text": text}),
        None => json!({"type": of_type, "sql": sql, "json": "JCS", "rejected": "PayloadNotCanonical"}),
    });
    texts.chain(bytes).chain(canonical).collect()
}

fn kind(of_type: &str) -> u32 {
    if of_type == "bytea" { 17 } else { 25 }
}
