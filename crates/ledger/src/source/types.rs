//! The built-in types whose values can be keys or be signed.

/// A built-in type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Type {
    oid: u32,
    /// `typname`.
    pub(crate) name: &'static str,
    /// A column of it can be the payload; every type here can be part of a canonical row.
    pub(crate) is_payload: bool,
}

impl Type {
    /// Whether the ids of records can be of it.
    pub(crate) fn is_id(self) -> bool {
        is_id(self.name)
    }

    /// Whether a column of a key can be of it: what Postgres finds equal has one text, but for numeric and char(n). migrations/V23__row_keys.sql has the same names.
    pub(crate) fn is_key(self) -> bool {
        self.is_id()
            || matches!(
                self.name,
                "bool"
                    | "uuid"
                    | "text"
                    | "varchar"
                    | "bpchar"
                    | "date"
                    | "time"
                    | "timestamp"
                    | "timestamptz"
                    | "numeric"
                    | "bytea"
                    | "inet"
            )
    }
}

/// Whether the ids of records can be of the type of this name.
pub(crate) fn is_id(name: &str) -> bool {
    matches!(name, "int2" | "int4" | "int8")
}

/// Whether values of the type of this name are JSON.
pub(crate) fn is_json(name: &str) -> bool {
    matches!(name, "json" | "jsonb")
}

/// Types whose values have the same text count as one.
pub(crate) fn same_text(one: &str, other: &str) -> bool {
    let form = |name: &str| if name == "varchar" { "text".to_owned() } else { name.to_owned() };
    form(one) == form(other)
}

const fn payload(oid: u32, name: &'static str) -> Type {
    Type { oid, name, is_payload: true }
}

const fn part(oid: u32, name: &'static str) -> Type {
    Type { oid, name, is_payload: false }
}

/// By the numbers that they have in every database. migrations/V21__canonical_rows.sql has the same names. The text of each is the
/// same on every supported version of Postgres, under the settings of our sessions; that of money, xml and of what depends on a catalog
/// is not.
pub(crate) const ALL: [Type; 26] = [
    part(16, "bool"),
    payload(17, "bytea"),
    part(20, "int8"),
    part(21, "int2"),
    part(23, "int4"),
    payload(25, "text"),
    payload(114, "json"),
    part(650, "cidr"),
    part(700, "float4"),
    part(701, "float8"),
    part(774, "macaddr8"),
    part(829, "macaddr"),
    part(869, "inet"),
    part(1042, "bpchar"),
    payload(1043, "varchar"),
    part(1082, "date"),
    part(1083, "time"),
    part(1114, "timestamp"),
    part(1184, "timestamptz"),
    part(1186, "interval"),
    part(1266, "timetz"),
    part(1560, "bit"),
    part(1562, "varbit"),
    part(1700, "numeric"),
    payload(2950, "uuid"),
    payload(3802, "jsonb"),
];

pub(crate) fn by_oid(oid: u32) -> Option<Type> {
    ALL.into_iter().find(|known| known.oid == oid)
}
