//! Seals, and backends that make wrong ones.

use super::*;

#[test]
fn every_batch_is_sealed_by_the_key_of_its_unit_also_one_with_rejects_only() {
    let batches = [batch(1, 0..=9), rejected(2, 10), batch(3, 20..=29)];
    for verify in [Verify::None, Verify::Sample, Verify::All] {
        let (mut key, public) = key_that_fails_on(&[], Fault::Failure);
        let unit = unit(&batches, &mut key, verify).unwrap();
        assert_eq!(unit.segments.len(), 3);
        assert!(unit.segments.iter().all(|segment| is_sealed(&public, segment.root, segment.seal)), "{verify:?}");
        assert!(!is_sealed(&public, unit.segments[0].root, unit.segments[1].seal));
    }
}

/// Signs records rightly and seals otherwise: nothing that it is asked for is the digest of a record.
fn key_with_wrong_seals(fault: Fault, last_resort: bool) -> SigningKey {
    let (key, ..) = watched_key(&[], fault, 256);
    let signer = SealSpoiler { records: key.signer, fault };
    SigningKey { signer: Box::new(signer), last_resort, ..key }
}

struct SealSpoiler {
    records: Box<dyn BatchSigner>,
    fault: Fault,
}

impl BatchSigner for SealSpoiler {
    fn sign(&mut self, digests: &[Digest], out: &mut [RawSignature]) -> Result<(), SigningError> {
        self.records.sign(digests, out)?;
        let records: BTreeSet<[u8; 32]> = (0..100).map(|id| digest(id).0).collect();
        for (at, signature) in out.iter_mut().enumerate().filter(|(at, _)| !records.contains(&digests[*at].0)) {
            match self.fault {
                // The first batch's is right.
                Fault::WrongSignature if at > 0 || digests.len() == 1 => signature.0[40] ^= 1,
                Fault::Failure => return Err(SigningError::Digest(at)),
                Fault::Refusal => return Err(Refused::SameX.into()),
                Fault::WrongSignature | Fault::OneNonce => {}
            }
        }
        Ok(())
    }
}

#[test]
fn a_wrong_seal_has_the_unit_signed_by_another_backend_whatever_is_checked() {
    let batches = [batch(1, 0..=9), batch(2, 10..=19)];
    for verify in [Verify::None, Verify::Sample, Verify::All] {
        for (fault, found) in [
            (Fault::WrongSignature, BackendFault::Seal { batch: BatchNo(2) }),
            (Fault::Refusal, BackendFault::Refused(Refused::SameX)),
        ] {
            let mut key = key_with_wrong_seals(fault, false);
            assert_eq!(unit(&batches, &mut key, verify).unwrap_err(), Stopped::Faulty(found), "{verify:?}");
        }
        // The last backend's batches fail, each by itself.
        let mut key = key_with_wrong_seals(Fault::WrongSignature, true);
        assert_eq!(numbers(&unit(&batches, &mut key, verify).unwrap()), (vec![1], vec![2]), "{verify:?}");
        for fault in [Fault::Failure, Fault::Refusal] {
            let mut key = key_with_wrong_seals(fault, true);
            assert_eq!(numbers(&unit(&batches, &mut key, verify).unwrap()), (vec![], vec![1, 2]), "{verify:?}");
        }
    }
    let mut key = key_with_wrong_seals(Fault::WrongSignature, true);
    let isolated = isolate(&batches[1], &mut key, &plan(Verify::All), 3, &metrics());
    assert_eq!(isolated.unwrap_err(), Stopped::Faulty(BackendFault::Seal { batch: BatchNo(2) }));
}

#[test]
fn a_nonce_that_a_seal_shares_with_a_record_stops_the_unit() {
    let (mut key, _, signer) = one_nonce_signer();
    key.signer = Box::new(OneNonceForAll(signer));
    let stopped = unit(&[batch(1, 5..=5)], &mut key, Verify::All).unwrap_err();
    assert_eq!(stopped, Stopped::NonceRepeated { thing: SignedThing::Seal, batch: BatchNo(1) });
}

fn one_nonce_signer() -> (SigningKey, PublicKey, FaultySigner) {
    let scalar = [3; 32];
    let private = PrivateKey::from_scalar(&scalar).unwrap();
    let (key, _) = key_that_fails_on(&[], Fault::Failure);
    let public = private.public();
    let signer = FaultySigner {
        real: Backend::Reference.signer(&private, Nonce::Hedged).unwrap(),
        chosen: BTreeSet::new(),
        fault: Fault::OneNonce,
        scalar: Scalar::from_repr(scalar.into()).unwrap(),
        slice_len: 256,
        calls: Arc::default(),
    };
    let check = SliceCheck::by(Backend::Native.verifier(&public).unwrap(), &public);
    (SigningKey { check, thumbprint: public.thumbprint(), ..key }, public, signer)
}

/// Signs whatever it gets with one nonce.
struct OneNonceForAll(FaultySigner);

impl BatchSigner for OneNonceForAll {
    fn sign(&mut self, digests: &[Digest], out: &mut [RawSignature]) -> Result<(), SigningError> {
        for (digest, signature) in digests.iter().zip(out) {
            *signature = self.0.with_nonce(77, digest);
        }
        Ok(())
    }
}
