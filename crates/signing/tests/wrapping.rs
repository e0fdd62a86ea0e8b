//! Wrapped keys open in the row they were made for, under the KEK they were made with, and nowhere else.

#![expect(clippy::unwrap_used, reason = "this file holds only tests")]

use uuid::Uuid;
use vaultstream_signing::kek::WrongKek;
use vaultstream_signing::{
    Kek, KekId, KekRing, MAX_WRAPS_PER_KEK, PrivateKey, PublicKey, UnwrapError, WrapContext, WrappedKey,
};

fn kek(id: &str) -> Kek {
    Kek::generate(id.parse().unwrap()).unwrap()
}

fn same_kek(kek: &Kek, id: &str) -> Kek {
    Kek::from_base64(id.parse().unwrap(), kek.to_base64()).unwrap()
}

struct Row {
    ring: KekRing,
    key: PrivateKey,
    public: PublicKey,
    wrapped: WrappedKey,
}

const CONTEXT: WrapContext = WrapContext { job: Uuid::from_u128(7), key: 11, version: 2 };

fn row() -> Row {
    let ring = KekRing::new(kek("2026"));
    let key = PrivateKey::generate().unwrap();
    let wrapped = ring.wrap(&key, &CONTEXT).unwrap();
    Row { public: key.public(), ring, key, wrapped }
}

impl Row {
    fn open(&self, context: &WrapContext) -> Result<PrivateKey, UnwrapError> {
        self.ring.unwrap(&self.wrapped.kek_id, &self.wrapped.bytes, context, &self.public)
    }
}

fn refused(result: Result<PrivateKey, UnwrapError>) {
    assert_eq!(result.map(|key| key.public()), Err(UnwrapError::Refused));
}

#[test]
fn a_wrapped_key_opens_in_its_own_row() {
    let row = row();
    assert_eq!(row.open(&CONTEXT).unwrap().public(), row.public);
    assert_eq!(row.wrapped.kek_id, *row.ring.current().id());
    assert_eq!(row.wrapped.bytes.len(), 12 + 32 + 16);
}

#[test]
fn a_wrapped_key_swapped_to_another_row_is_refused() {
    let row = row();
    refused(row.open(&WrapContext { key: 12, ..CONTEXT }));
    refused(row.open(&WrapContext { version: 1, ..CONTEXT }));
    refused(row.open(&WrapContext { job: Uuid::from_u128(8), ..CONTEXT }));

    let second = PrivateKey::generate().unwrap();
    let moved = row.ring.wrap(&second, &WrapContext { key: 12, ..CONTEXT }).unwrap();
    refused(row.ring.unwrap(&moved.kek_id, &moved.bytes, &CONTEXT, &second.public()));
    refused(row.ring.unwrap(&moved.kek_id, &moved.bytes, &CONTEXT, &row.public));
}

#[test]
fn a_wrapped_key_with_a_changed_public_key_is_refused() {
    let mut row = row();
    row.public = PrivateKey::generate().unwrap().public();
    refused(row.open(&CONTEXT));
}

#[test]
fn a_truncated_or_extended_wrapped_key_is_refused() {
    let row = row();
    let all = &row.wrapped.bytes;
    for length in 0..all.len() {
        refused(row.ring.unwrap(&row.wrapped.kek_id, &all[..length], &CONTEXT, &row.public));
        refused(row.ring.unwrap(&row.wrapped.kek_id, &all[all.len() - length..], &CONTEXT, &row.public));
    }
    refused(row.ring.unwrap(&row.wrapped.kek_id, &[all.as_slice(), &[0]].concat(), &CONTEXT, &row.public));
}

#[test]
fn a_wrapped_key_with_any_bit_flipped_is_refused() {
    let row = row();
    for bit in 0..row.wrapped.bytes.len() * 8 {
        let mut changed = row.wrapped.bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        refused(row.ring.unwrap(&row.wrapped.kek_id, &changed, &CONTEXT, &row.public));
    }
}

#[test]
fn a_wrapped_key_under_another_kek_is_refused_or_unknown() {
    let row = row();
    let id = &row.wrapped.kek_id;
    // The same id with other bytes, the same bytes under another id, and an id that is not loaded.
    let other = KekRing::new(kek("2026"));
    refused(other.unwrap(id, &row.wrapped.bytes, &CONTEXT, &row.public));
    let renamed = KekRing::new(same_kek(row.ring.current(), "2027"));
    let new_id: KekId = "2027".parse().unwrap();
    refused(renamed.unwrap(&new_id, &row.wrapped.bytes, &CONTEXT, &row.public));
    assert_eq!(
        renamed.unwrap(id, &row.wrapped.bytes, &CONTEXT, &row.public).map(|_| ()),
        Err(UnwrapError::UnknownKek(id.clone()))
    );
}

#[test]
fn an_older_kek_opens_what_it_wrapped_and_the_current_one_wraps() {
    let row = row();
    let ring = KekRing::new(kek("2027")).with_older(same_kek(row.ring.current(), "2026"));
    let opened = ring.unwrap(&row.wrapped.kek_id, &row.wrapped.bytes, &CONTEXT, &row.public).unwrap();
    assert_eq!(opened.public(), row.public);
    assert_eq!(ring.wrap(&opened, &CONTEXT).unwrap().kek_id.as_str(), "2027");
    assert_eq!(ring.iter().map(|kek| kek.id().as_str()).collect::<Vec<_>>(), ["2027", "2026"]);
}

#[test]
fn wrapping_twice_gives_other_bytes() {
    let row = row();
    assert_ne!(row.ring.wrap(&row.key, &CONTEXT).unwrap().bytes, row.wrapped.bytes);
}

#[test]
fn a_canary_tells_a_wrong_kek() {
    let right = kek("a");
    let canary = right.canary().unwrap();
    assert_eq!(right.check_canary(&canary), Ok(()));
    assert_eq!(same_kek(&right, "a").check_canary(&canary), Ok(()));

    let wrong = |kek: &Kek, canary: &[u8]| {
        assert_eq!(kek.check_canary(canary), Err(WrongKek { id: kek.id().clone() }));
    };
    wrong(&kek("a"), &canary);
    wrong(&same_kek(&right, "b"), &canary);
    wrong(&right, &canary[1..]);
    wrong(&right, &[]);
    for bit in 0..canary.len() * 8 {
        let mut changed = canary.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        wrong(&right, &changed);
    }
    // A wrapped key is no canary, and a canary is no wrapped key.
    let row = row();
    wrong(row.ring.current(), &row.wrapped.bytes);
    let canary = row.ring.current().canary().unwrap();
    refused(row.ring.unwrap(&row.wrapped.kek_id, &canary, &CONTEXT, &row.public));
}

#[test]
fn a_kek_is_exactly_32_bytes_of_base64() {
    let id = || "a".parse::<KekId>().unwrap();
    let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    assert_eq!(**Kek::from_base64(id(), format!(" {text}\n")).unwrap().to_base64(), *text);
    for bad in ["", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", "not base64", &text[..43], &format!("{text}{text}")]
    {
        assert!(Kek::from_base64(id(), bad).is_err(), "{bad}");
    }
}

#[test]
fn a_kek_named_after_itself_has_one_name_and_another_kek_another() {
    let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let kek = Kek::fingerprinted(text).unwrap();
    // `k` and the first 16 digits of: printf 'vaultstream/kek-id/v1\0' | cat - <(base64 -d <<< $text) | sha256sum
    assert_eq!(kek.id().as_str(), "kee025bc9e4802b4a");
    assert_eq!(kek.id().as_str().parse::<KekId>().unwrap(), *kek.id());
    assert_eq!(**kek.to_base64(), *text);
    assert_ne!(Kek::fingerprinted(self::kek("a").to_base64()).unwrap().id(), kek.id());
}

/// NIST SP 800-38D: random nonces do for 2^32 messages under one key.
#[test]
fn half_of_what_random_nonces_allow_is_left_for_canaries_and_restored_ledgers() {
    assert_eq!(2 * MAX_WRAPS_PER_KEK, 1 << 32);
}

#[test]
fn an_id_of_a_kek_fits_into_the_key_of_a_secret() {
    for good in ["a", "2026-10.A_1", &"x".repeat(128)] {
        assert_eq!(good.parse::<KekId>().unwrap().to_string(), good);
    }
    for bad in ["", "a b", "ä", "a/b", "a\n", &"x".repeat(129)] {
        assert!(bad.parse::<KekId>().is_err(), "{bad}");
    }
}

#[test]
fn debug_of_secrets_shows_nothing_of_them() {
    let scalar: [u8; 32] = std::array::from_fn(|i| 0xa0 + i as u8);
    let key = PrivateKey::from_scalar(&scalar).unwrap();
    assert_eq!(format!("{key:?}"), format!("PrivateKey {{ public: {:?}, .. }}", key.public().thumbprint()));

    let text = "oKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr8=";
    let kek = Kek::from_base64("mine".parse().unwrap(), text).unwrap();
    assert_eq!(format!("{kek:?}"), r#"Kek { id: "mine", .. }"#);
    assert_eq!(format!("{:?}", KekRing::new(kek)), r#"KekRing { current: Kek { id: "mine", .. }, older: [] }"#);
    let error = Kek::from_base64("mine".parse().unwrap(), &text[4..]).unwrap_err();
    assert!(!format!("{error:?} {error}").contains("oKGi"));
}

#[test]
fn zero_and_the_order_are_no_private_keys() {
    assert!(PrivateKey::from_scalar(&[0; 32]).is_err());
    assert!(PrivateKey::from_scalar(&[0xff; 32]).is_err());
}
