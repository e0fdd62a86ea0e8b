//! Properties of every encoder and decoder: what is written is read back, and nothing else is accepted.

use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;
use vaultstream_signing::copy::{self, CopyError, Rows};
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

    #[test]
    fn arbitrary_bytes_are_refused_or_rows(bytes in vec(any::<u8>(), 0..200)) {
        let mut rows = Rows::<2>::new();
        let stream = [copy::HEADER.as_slice(), &bytes].concat();
        let _ = rows.feed::<CopyError>(&stream, |_| Ok(()));
    }

    #[test]
    fn rows_are_read_back_however_the_stream_is_cut(
        rows in vec((vec(any::<u8>(), 0..40), prop::option::of(vec(any::<u8>(), 0..300))), 0..20),
        cuts in vec(any::<prop::sample::Index>(), 0..60),
        extension in vec(any::<u8>(), 0..5),
    ) {
        let mut stream = copy::HEADER.to_vec();
        stream[18] = extension.len() as u8;
        stream.extend_from_slice(&extension);
        for (first, second) in &rows {
            stream.extend_from_slice(&2_i16.to_be_bytes());
            put_field(&mut stream, Some(first));
            put_field(&mut stream, second.as_deref());
        }
        stream.extend_from_slice(&copy::TRAILER);

        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut seen = Vec::new();
        let mut decoder = Rows::<2>::new();
        for cut in cuts.windows(2) {
            decoder.feed::<CopyError>(&stream[cut[0]..cut[1]], |[first, second]| {
                seen.push((first.unwrap_or_default().to_vec(), second.map(<[u8]>::to_vec)));
                Ok(())
            })?;
        }
        prop_assert_eq!(seen, rows);
        prop_assert_eq!(decoder.feed::<CopyError>(&[0], |_| Ok(())), Err(CopyError::AfterEnd));
        decoder.finish()?;
    }

    #[test]
    fn signature_rows_are_rows_of_four_fields(
        rows in vec((any::<i64>(), any::<i64>(), raw_signature(), prop::option::of(any::<[u8; 32]>())), 0..10),
    ) {
        let mut stream = copy::HEADER.to_vec();
        for (id, key, signature, digest) in &rows {
            let before = stream.len();
            copy::put_signature_row(&mut stream, *id, *key, signature, digest.map(Digest).as_ref());
            let wanted = if digest.is_some() { copy::SIGNATURE_ROW_WITH_DIGEST } else { copy::SIGNATURE_ROW };
            prop_assert_eq!(stream.len() - before, wanted);
        }
        stream.extend_from_slice(&copy::TRAILER);

        let mut seen = Vec::new();
        let mut decoder = Rows::<4>::new();
        decoder.feed::<CopyError>(&stream, |[id, key, signature, digest]| {
            let signature = RawSignature(signature.unwrap().try_into().unwrap());
            let digest = digest.map(|digest| digest.try_into().unwrap());
            seen.push((copy::int8(id)?, copy::int8(key)?, signature, digest));
            Ok(())
        })?;
        prop_assert_eq!(seen, rows);
        decoder.finish()?;
    }
}

fn put_field(out: &mut Vec<u8>, field: Option<&[u8]>) {
    match field {
        Some(bytes) => {
            out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
            out.extend_from_slice(bytes);
        }
        None => out.extend_from_slice(&(-1_i32).to_be_bytes()),
    }
}

proptest! {
    // Each case makes keys, which is slow.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn public_keys_are_read_back_in_every_form(key in private_key(), at in 0..91_usize, bit in 0..8_u32) {
        let key = key.public();
        prop_assert_eq!(&PublicKey::from_spki_der(key.spki_der())?, &key);
        let jwk: Jwk = serde_json::from_value(serde_json::to_value(key.jwk())?)?;
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

#[test]
fn a_stream_that_is_not_ours_is_refused() {
    let feed = |stream: &[u8]| Rows::<2>::new().feed::<CopyError>(stream, |_| Ok(()));
    assert_eq!(feed(b"PGCOPY\r\n"), Err(CopyError::Header));
    assert_eq!(feed(b"1\tabc\n"), Err(CopyError::Header));

    let mut oids = copy::HEADER;
    oids[12] = 1;
    assert_eq!(feed(&oids), Err(CopyError::Header), "bit 16 says that rows carry an oid");

    let rows = |row: &[u8]| feed(&[copy::HEADER.as_slice(), row].concat());
    assert_eq!(rows(&[0, 3]), Err(CopyError::Columns { wanted: 2, found: 3 }));
    assert_eq!(rows(&[0xff, 0xfe]), Err(CopyError::Columns { wanted: 2, found: -2 }));
    assert_eq!(rows(&[0, 2, 0xff, 0xff, 0xff, 0xfe]), Err(CopyError::Length(-2)));
}

#[test]
fn a_stream_without_its_trailer_is_truncated() {
    for bytes in [&[][..], &copy::HEADER, &[copy::HEADER.as_slice(), &[0, 2, 0, 0]].concat()] {
        let mut rows = Rows::<2>::new();
        rows.feed::<CopyError>(bytes, |_| Ok(())).unwrap();
        assert_eq!(rows.finish(), Err(CopyError::Truncated));
    }
}

#[test]
fn what_the_visitor_returns_stops_the_feeding() {
    let mut stream = copy::HEADER.to_vec();
    for _ in 0..3 {
        copy::put_signature_row(&mut stream, 1, 2, &RawSignature::EMPTY, None);
    }
    let mut seen = 0;
    let fed = Rows::<4>::new().feed(&stream, |_| {
        seen += 1;
        if seen == 2 { Err(CopyError::NotInt8) } else { Ok(()) }
    });
    assert_eq!((fed, seen), (Err(CopyError::NotInt8), 2));
}
