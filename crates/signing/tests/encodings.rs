//! Properties of every encoder and decoder: what is written is read back, and nothing else is accepted.

use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;
use vaultstream_signing::public_key::PublicKeyError;
use vaultstream_signing::{
    Digest, Jwk, KekRing, MessageForm, PrivateKey, PublicKey, RawSignature, Thumbprint, WrapContext, der_decode,
    der_encode, jose_decode, jose_encode, merkle,
};

/// Halves of any size, so that leading zeros and set sign bits of DER's integers come up often.
fn raw_signature() -> impl Strategy<Value = RawSignature> {
    let half = || (any::<[u8; 32]>(), 0..=32_usize);
    (half(), half()).prop_map(|((r, r_zeros), (s, s_zeros))| {
        let mut bytes = [0; 64];
        bytes[r_zeros..32].copy_from_slice(&r[r_zeros..]);
        bytes[32 + s_zeros..].copy_from_slice(&s[s_zeros..]);
        RawSignature(bytes)
    })
}

fn private_key() -> impl Strategy<Value = PrivateKey> {
    any::<[u8; 32]>().prop_filter_map("zero or not below the order", |bytes| PrivateKey::from_scalar(&bytes).ok())
}

proptest! {
    #[test]
    fn der_is_read_back(signature in raw_signature()) {
        let der = der_encode(&signature);
        prop_assert_eq!(der_decode(&der), Ok(signature));
        // The reference library reads the same numbers, except those that are out of range.
        if let Ok(other) = p256::ecdsa::Signature::from_der(&der) {
            prop_assert_eq!(other.to_bytes().to_vec(), signature.0.to_vec());
        }
        if let Ok(other) = p256::ecdsa::Signature::from_slice(&signature.0) {
            prop_assert_eq!(other.to_der().as_bytes().to_vec(), der.to_vec());
        }
    }

    #[test]
    fn der_has_one_encoding(signature in raw_signature(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut der = der_encode(&signature).to_vec();
        let at = at.index(der.len());
        der[at] = to;
        if let Ok(read) = der_decode(&der) {
            prop_assert_eq!(&*der_encode(&read), &der);
        }
    }

    #[test]
    fn der_that_is_cut_or_followed_by_something_is_refused(signature in raw_signature(), more in 1..256_usize) {
        let der = der_encode(&signature).to_vec();
        for length in 0..der.len() {
            prop_assert!(der_decode(&der[..length]).is_err());
        }
        prop_assert!(der_decode(&[der, vec![0; more]].concat()).is_err());
    }

    #[test]
    fn an_integer_of_der_has_no_spare_zeros_and_is_never_negative(signature in raw_signature(), zeros in 1..4_usize) {
        // Both integers are written by hand, r or s with more zero bytes in front than it needs, or without its sign byte.
        let number = |bytes: &[u8], spare: usize, sign: bool| {
            let digits = &bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(31)..];
            let needed = usize::from(sign && digits[0] >> 7 == 1);
            [&[2, (spare + needed + digits.len()) as u8], vec![0; spare + needed].as_slice(), digits].concat()
        };
        let sequence = |r: Vec<u8>, s: Vec<u8>| [vec![0x30, (r.len() + s.len()) as u8], r, s].concat();
        let (r, s) = signature.0.split_at(32);
        prop_assert_eq!(der_decode(&sequence(number(r, 0, true), number(s, 0, true))), Ok(signature));
        prop_assert!(der_decode(&sequence(number(r, zeros, true), number(s, 0, true))).is_err());
        prop_assert!(der_decode(&sequence(number(r, 0, true), number(s, zeros, true))).is_err());
        let unsigned = sequence(number(r, 0, false), number(s, 0, false));
        prop_assert_eq!(der_decode(&unsigned).is_ok(), unsigned == der_encode(&signature).to_vec());
    }

    #[test]
    fn arbitrary_bytes_are_der_only_when_they_are_the_encoding_of_a_signature(bytes in vec(any::<u8>(), 0..80)) {
        if let Ok(read) = der_decode(&bytes) {
            prop_assert_eq!(&*der_encode(&read), &bytes);
        }
    }

    #[test]
    fn jose_is_read_back_and_has_one_encoding(signature in raw_signature(), at in 0..86_usize, to in any::<char>()) {
        let text = jose_encode(&signature);
        prop_assert_eq!(text.len(), 86);
        prop_assert_eq!(jose_decode(&text), Ok(signature));
        let changed: String = text.chars().enumerate().map(|(i, old)| if i == at { to } else { old }).collect();
        if let Ok(read) = jose_decode(&changed) {
            prop_assert_eq!(jose_encode(&read), changed);
        }
        prop_assert!(jose_decode(&[&text, "=="].concat()).is_err());
        prop_assert!(jose_decode(&text[..85]).is_err());
    }

    #[test]
    fn thumbprints_and_hashes_are_read_back(bytes in any::<[u8; 32]>()) {
        let thumbprint = Thumbprint(bytes);
        prop_assert_eq!(thumbprint.to_string().parse::<Thumbprint>().unwrap(), thumbprint);
        prop_assert_eq!(serde_json::from_value::<Thumbprint>(serde_json::to_value(thumbprint)?)?, thumbprint);
        prop_assert_eq!(merkle::from_hex(&merkle::to_hex(&bytes)), Some(bytes));
        prop_assert_eq!(merkle::from_hex(&merkle::to_hex(&bytes)[1..]), None);
    }

    #[test]
    fn a_bound_message_is_as_long_as_it_says_and_hashes_to_its_digest(id: i64, payload in vec(any::<u8>(), 0..200)) {
        for form in [MessageForm::Payload, MessageForm::Bound { job: Uuid::from_u128(3) }] {
            let message = form.message(id, &payload);
            prop_assert!(message.ends_with(&payload));
            prop_assert_eq!(form.digest(id, &payload), Digest::of(&message));
        }
    }
}

proptest! {
    // Each case makes keys, which is slow.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn public_keys_are_read_back_in_every_form(key in private_key(), at in 0..91_usize, bit in 0..8_u32) {
        let key = key.public();
        prop_assert_eq!(&PublicKey::from_spki_der(key.spki_der())?, &key);
        let jwk: Jwk = serde_json::from_value(serde_json::to_value(Jwk::of(&key))?)?;
        prop_assert_eq!(&jwk.public_key()?, &key);
        prop_assert_eq!(jwk.kid, key.thumbprint());
        // The reference library reads the PEM, and writes the same.
        let other: p256::PublicKey = key.spki_pem().parse()?;
        prop_assert_eq!(other.to_string(), key.spki_pem());

        // Any bit matters: another point is hardly ever on the curve, and there is no other key in another form.
        let mut changed = *key.spki_der();
        changed[at] ^= 1 << bit;
        prop_assert!(PublicKey::from_spki_der(&changed).is_err());
        prop_assert!(PublicKey::from_spki_der(&changed[..90]).is_err());
        prop_assert!(PublicKey::from_spki_der(&[key.spki_der().as_slice(), &[0]].concat()).is_err());
    }

    #[test]
    fn a_wrapped_key_is_read_back_in_its_context_only(key in private_key(), job: u128, id: i64, version: i32) {
        let ring = KekRing::new(vaultstream_signing::Kek::generate("k".parse()?)?);
        let context = WrapContext { job: Uuid::from_u128(job), key: id, version };
        let wrapped = ring.wrap(&key, &context)?;
        let opened = ring.unwrap(&wrapped.kek_id, &wrapped.bytes, &context, &key.public())?;
        prop_assert_eq!(opened.public(), key.public());
        let other = WrapContext { key: id.wrapping_add(1), ..context };
        prop_assert!(ring.unwrap(&wrapped.kek_id, &wrapped.bytes, &other, &key.public()).is_err());
    }
}

#[test]
fn a_public_key_of_another_form_is_told_apart_from_a_point_off_the_curve() {
    let mut spki = *PrivateKey::from_scalar(&[1; 32]).unwrap().public().spki_der();
    spki[90] ^= 1;
    assert!(matches!(PublicKey::from_spki_der(&spki), Err(PublicKeyError::Point)));
    // 6 and 7 are the tags of the hybrid form, which some libraries read.
    for tag in [0, 2, 3, 5, 6, 7] {
        spki[26] = tag;
        assert!(matches!(PublicKey::from_spki_der(&spki), Err(PublicKeyError::Form)), "{tag}");
    }
}
