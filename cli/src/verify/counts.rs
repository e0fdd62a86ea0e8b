//! Counts of the ledger. No program of ours writes a negative one: who finds one has a damaged ledger, or one that was altered.

use vaultstream_ledger::verify::PublicKeyRow;
use vaultstream_signing::PublicKey;

use super::problem::{Problem, ProblemKind};

/// The number of signatures that the keys say they have made of records.
pub(super) fn signed(keys: &[PublicKeyRow]) -> u64 {
    let of_records = keys.iter().filter(|key| key.ordinal > 0);
    of_records.fold(0, |sum, key| sum.saturating_add(u64::try_from(key.signed).unwrap_or(0)))
}

/// The problem of a key that says it has made fewer signatures than none.
pub(super) fn negative(key: &PublicKeyRow) -> Option<Problem> {
    let id = PublicKey::from_spki_der(&key.public_key);
    let id = id.map_or_else(|_| format!("number {} of the ledger", key.id.0), |key| key.thumbprint().to_string());
    let told = || format!("the key {id} has made {} signatures, according to the ledger", key.signed);
    (key.signed < 0).then(|| Problem::new(ProblemKind::Incomplete, told()))
}

/// A count of records as a receipt has it. A negative one is a problem, and counts as none.
pub(super) fn of_records(what: &str, count: i64, problems: &mut Vec<Problem>) -> u64 {
    u64::try_from(count).unwrap_or_else(|_| {
        problems.push(Problem::new(ProblemKind::Incomplete, format!("the ledger has {count} {what} records")));
        0
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::public_key_row as key;

    #[test]
    fn a_negative_count_is_a_problem_and_makes_up_for_none() {
        assert_eq!(signed(&[key(0, 1), key(1, 20), key(2, -20), key(3, 5)]), 25);
        assert_eq!(signed(&[key(1, i64::MAX), key(2, i64::MAX), key(3, i64::MAX)]), u64::MAX);
        assert_eq!(negative(&key(1, 0)), None);
        let told = negative(&key(1, -20)).unwrap();
        assert!(told.message().starts_with("the key "), "{told:?}");
        assert!(told.message().ends_with(" has made -20 signatures, according to the ledger"), "{told:?}");
        let damaged = negative(&PublicKeyRow { public_key: Vec::new(), ..key(1, -1) }).unwrap();
        assert!(damaged.message().starts_with("the key number 7 of the ledger has made -1 "), "{damaged:?}");

        let mut problems = Vec::new();
        assert_eq!((of_records("changed", 3, &mut problems), problems.len()), (3, 0));
        assert_eq!(of_records("changed", -3, &mut problems), 0);
        assert_eq!(problems[0].message(), "the ledger has -3 changed records");
    }
}
