//! What is written is read back however it is cut, and nothing else is accepted.

use proptest::collection::vec;
use proptest::prelude::*;
use vaultstream_signing::{Digest, RawSignature};

use super::*;

fn signature() -> impl Strategy<Value = RawSignature> {
    (any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(|(r, s)| {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&r);
        bytes[32..].copy_from_slice(&s);
        RawSignature(bytes)
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused_or_rows(bytes in vec(any::<u8>(), 0..200)) {
        let mut rows = Rows::<2>::new();
        let stream = [HEADER.as_slice(), &bytes].concat();
        let _ = rows.feed::<CopyError>(&stream, |_| Ok(()));
    }

    #[test]
    fn rows_are_read_back_however_the_stream_is_cut(
        rows in vec((vec(any::<u8>(), 0..40), prop::option::of(vec(any::<u8>(), 0..300))), 0..20),
        cuts in vec(any::<prop::sample::Index>(), 0..60),
        extension in vec(any::<u8>(), 0..5),
    ) {
        let mut stream = HEADER.to_vec();
        stream[18] = extension.len() as u8;
        stream.extend_from_slice(&extension);
        for (first, second) in &rows {
            stream.extend_from_slice(&2_i16.to_be_bytes());
            put_field(&mut stream, Some(first));
            put_field(&mut stream, second.as_deref());
        }
        stream.extend_from_slice(&TRAILER);

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
        rows in vec((any::<i64>(), any::<i64>(), signature(), prop::option::of(any::<[u8; 32]>())), 0..10),
    ) {
        let mut stream = HEADER.to_vec();
        for (id, key, signature, digest) in &rows {
            let before = stream.len();
            put_signature_row(&mut stream, *id, *key, signature, digest.map(Digest).as_ref());
            let wanted = if digest.is_some() { SIGNATURE_ROW_WITH_DIGEST } else { SIGNATURE_ROW };
            prop_assert_eq!(stream.len() - before, wanted);
        }
        stream.extend_from_slice(&TRAILER);

        let mut seen = Vec::new();
        let mut decoder = Rows::<4>::new();
        decoder.feed::<CopyError>(&stream, |[id, key, signature, digest]| {
            let signature = RawSignature(signature.unwrap().try_into().unwrap());
            let digest = digest.map(|digest| digest.try_into().unwrap());
            seen.push((int8(id)?, int8(key)?, signature, digest));
            Ok(())
        })?;
        prop_assert_eq!(seen, rows);
        decoder.finish()?;
    }
}

#[test]
fn the_rows_of_a_key_are_those_of_its_records_with_digests_or_without() {
    let signatures = [RawSignature([1; 64]), RawSignature([2; 64])];
    let digests = [Digest([3; 32]), Digest([4; 32])];
    let one_by_one = |digests: [Option<&Digest>; 2]| {
        let mut rows = Vec::new();
        put_signature_row(&mut rows, -5, 7, &signatures[0], digests[0]);
        put_signature_row(&mut rows, 6, 7, &signatures[1], digests[1]);
        rows
    };
    assert_eq!(signature_rows(&[-5, 6], 7, &signatures, None), one_by_one([None, None]));
    let with_digests = signature_rows(&[-5, 6], 7, &signatures, Some(&digests));
    assert_eq!(with_digests, one_by_one([Some(&digests[0]), Some(&digests[1])]));
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

#[test]
fn a_stream_that_is_not_ours_is_refused() {
    let feed = |stream: &[u8]| Rows::<2>::new().feed::<CopyError>(stream, |_| Ok(()));
    assert_eq!(feed(b"PGCOPY\r\n"), Err(CopyError::Header));
    assert_eq!(feed(b"1\tabc\n"), Err(CopyError::Header));

    let mut oids = HEADER;
    oids[12] = 1;
    assert_eq!(feed(&oids), Err(CopyError::Header), "bit 16 says that rows carry an oid");

    let rows = |row: &[u8]| feed(&[HEADER.as_slice(), row].concat());
    assert_eq!(rows(&[0, 3]), Err(CopyError::Columns { wanted: 2, found: 3 }));
    assert_eq!(rows(&[0xff, 0xfe]), Err(CopyError::Columns { wanted: 2, found: -2 }));
    assert_eq!(rows(&[0, 2, 0xff, 0xff, 0xff, 0xfe]), Err(CopyError::Length(-2)));
}

#[test]
fn a_stream_without_its_trailer_is_truncated() {
    for bytes in [&[][..], &HEADER, &[HEADER.as_slice(), &[0, 2, 0, 0]].concat()] {
        let mut rows = Rows::<2>::new();
        rows.feed::<CopyError>(bytes, |_| Ok(())).unwrap();
        assert_eq!(rows.finish(), Err(CopyError::Truncated));
    }
}

#[test]
fn what_the_visitor_returns_stops_the_feeding() {
    let mut stream = HEADER.to_vec();
    for _ in 0..3 {
        put_signature_row(&mut stream, 1, 2, &RawSignature::EMPTY, None);
    }
    let mut seen = 0;
    let fed = Rows::<4>::new().feed(&stream, |_| {
        seen += 1;
        if seen == 2 { Err(CopyError::NotInt8) } else { Ok(()) }
    });
    assert_eq!((fed, seen), (Err(CopyError::NotInt8), 2));
}
