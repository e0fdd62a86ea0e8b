//! Private keys under a job's data key open in the row they were made for, under that data key, and nowhere else.

#![expect(clippy::unwrap_used, reason = "this file holds only tests")]

use uuid::Uuid;
use vaultstream_signing::{
    DataKey, JobCipher, Kek, KekRing, PrivateKey, PublicKey, UnwrapError, WrapContext, WrappedKey,
};

const CONTEXT: WrapContext = WrapContext { job: Uuid::from_u128(7), key: 11, version: 2 };

struct Row {
    cipher: JobCipher,
    public: PublicKey,
    wrapped: Vec<u8>,
}

fn cipher() -> JobCipher {
    DataKey::generate().unwrap().into_cipher().unwrap()
}

fn row() -> Row {
    let (cipher, key) = (cipher(), PrivateKey::generate().unwrap());
    let wrapped = cipher.wrap(&key, &CONTEXT).unwrap();
    Row { cipher, public: key.public(), wrapped }
}

fn refused(result: Result<PrivateKey, UnwrapError>) {
    assert_eq!(result.map(|key| key.public()), Err(UnwrapError::Refused));
}

#[test]
fn a_key_opens_in_its_own_row_under_its_own_data_key() {
    let row = row();
    assert_eq!(row.cipher.unwrap(&row.wrapped, &CONTEXT, &row.public).unwrap().public(), row.public);
    refused(cipher().unwrap(&row.wrapped, &CONTEXT, &row.public));
    refused(row.cipher.unwrap(&row.wrapped, &WrapContext { key: 12, ..CONTEXT }, &row.public));
    refused(row.cipher.unwrap(&row.wrapped, &WrapContext { version: 1, ..CONTEXT }, &row.public));
    refused(row.cipher.unwrap(&row.wrapped, &WrapContext { job: Uuid::from_u128(8), ..CONTEXT }, &row.public));
    refused(row.cipher.unwrap(&row.wrapped, &CONTEXT, &PrivateKey::generate().unwrap().public()));
}

#[test]
fn a_key_with_any_bit_flipped_or_cut_off_is_refused() {
    let row = row();
    for bit in 0..row.wrapped.len() * 8 {
        let mut changed = row.wrapped.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        refused(row.cipher.unwrap(&changed, &CONTEXT, &row.public));
    }
    for length in 0..row.wrapped.len() {
        refused(row.cipher.unwrap(&row.wrapped[..length], &CONTEXT, &row.public));
    }
}

/// The two ways to wrap a key have different domains: with the same 32 bytes as key-encryption key and as data key, too.
#[test]
fn what_one_way_wraps_the_other_way_does_not_open() {
    let key = DataKey::from_bytes(&DataKey::generate().unwrap().bytes()[..32]).unwrap();
    let text = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(key.bytes())
    };
    let ring = KekRing::new(Kek::fingerprinted(&text).unwrap());
    let cipher = key.into_cipher().unwrap();
    let private = PrivateKey::generate().unwrap();
    let direct: WrappedKey = ring.wrap(&private, &CONTEXT).unwrap();
    let under_data_key = cipher.wrap(&private, &CONTEXT).unwrap();
    refused(cipher.unwrap(&direct.bytes, &CONTEXT, &private.public()));
    refused(ring.unwrap(&direct.kek_id, &under_data_key, &CONTEXT, &private.public()));
    // A sealed secret is neither.
    let sealed = ring.seal(&DataKey::aad(CONTEXT.job), &[1; 32]).unwrap();
    refused(ring.unwrap(&sealed.kek_id, &sealed.bytes, &CONTEXT, &private.public()));
    refused(cipher.unwrap(&sealed.bytes, &CONTEXT, &private.public()));
}

#[test]
fn debug_of_data_keys_shows_nothing_of_them() {
    let key = DataKey::from_bytes(&[0xa5; 32]).unwrap();
    assert_eq!(format!("{key:?}"), "DataKey { .. }");
    assert_eq!(format!("{:?}", key.into_cipher().unwrap()), "JobCipher { .. }");
    for length in [0, 31, 33, 34] {
        assert!(DataKey::from_bytes(&vec![0; length]).is_err());
    }
}

#[test]
fn a_data_key_says_whether_all_batches_are_sealed_as_long_as_it_lives() {
    let new = DataKey::generate().unwrap();
    let bytes = new.bytes().to_vec();
    assert_eq!(bytes.len(), 33);
    assert!(DataKey::from_bytes(&bytes).unwrap().into_cipher().unwrap().seals_all());
    let earlier = DataKey::from_bytes(&bytes[..32]).unwrap().into_cipher().unwrap();
    assert!(!earlier.seals_all());
    // It is the same key but for that.
    let private = PrivateKey::generate().unwrap();
    let wrapped = new.into_cipher().unwrap().wrap(&private, &CONTEXT).unwrap();
    earlier.unwrap(&wrapped, &CONTEXT, &private.public()).unwrap();
    for wrong in [[bytes.clone(), vec![1]].concat(), [&bytes[..32], &[2]].concat()] {
        assert!(DataKey::from_bytes(&wrong).is_err());
    }
}

#[test]
fn the_origin_of_a_key_holds_for_its_row_and_its_public_key_only() {
    let cipher = DataKey::generate().unwrap().into_cipher().unwrap();
    let [one, other] = [(); 2].map(|()| PrivateKey::generate().unwrap());
    let origin = cipher.origin(&CONTEXT, &one.public()).unwrap();
    assert!(cipher.is_origin(&origin, &CONTEXT, &one.public()));
    assert!(!cipher.is_origin(&origin, &CONTEXT, &other.public()));
    assert!(!cipher.is_origin(&origin, &WrapContext { version: CONTEXT.version + 1, ..CONTEXT }, &one.public()));
    assert!(!cipher.is_origin(&origin, &WrapContext { key: CONTEXT.key + 1, ..CONTEXT }, &one.public()));
    assert!(!cipher.is_origin(&[], &CONTEXT, &one.public()));
    // A wrapped key is no origin, and an origin no wrapped key.
    let wrapped = cipher.wrap(&one, &CONTEXT).unwrap();
    assert!(!cipher.is_origin(&wrapped, &CONTEXT, &one.public()));
    refused(cipher.unwrap(&origin, &CONTEXT, &one.public()));
}
