//! Signing with backends that fail on chosen records.

mod seals;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use p256::{
    FieldBytes, ProjectivePoint, Scalar,
    elliptic_curve::{PrimeField as _, ops::Reduce as _, point::AffineCoordinates as _},
};
use uuid::Uuid;
use vaultstream_ledger::{BootInstant, KeyId, commit::Reject};
use vaultstream_signing::{
    Backend, BatchSigner, Digest, Hash, Nonce, PrivateKey, PublicKey, RawSignature, SigningError,
    backend::{Refused, SliceCheck},
    seal_digest,
};

use super::{failure::SignedThing, kept::Kept, nonces::NonceSet, *};
use crate::{
    metrics::Metrics,
    unit::fixture::{batch, digest},
};

const JOB: Uuid = Uuid::from_u128(0x51);

/// How the fake treats the records that it fails on.
#[derive(Clone, Copy)]
enum Fault {
    /// Signs something else.
    WrongSignature,
    /// Fails the whole call, as backends do.
    Failure,
    /// Refuses the whole call, as the engine does when it has computed wrongly.
    Refusal,
    /// Signs rightly, but always with one nonce.
    OneNonce,
}

/// A real signer, but for the digests of chosen records.
struct FaultySigner {
    real: Box<dyn BatchSigner>,
    chosen: BTreeSet<[u8; 32]>,
    fault: Fault,
    scalar: Scalar,
    slice_len: usize,
    /// The number of digests in each call.
    calls: Arc<Mutex<Vec<usize>>>,
}

impl FaultySigner {
    fn with_nonce(&self, nonce: u64, digest: &Digest) -> RawSignature {
        let nonce = Scalar::from(nonce);
        let r = Scalar::reduce(&(ProjectivePoint::GENERATOR * nonce).to_affine().x());
        let s = nonce.invert().unwrap() * (Scalar::reduce(&FieldBytes::from(digest.0)) + r * self.scalar);
        let mut signature = RawSignature::EMPTY;
        signature.0[..32].copy_from_slice(&r.to_bytes());
        signature.0[32..].copy_from_slice(&s.to_bytes());
        signature
    }
}

impl BatchSigner for FaultySigner {
    fn sign(&mut self, digests: &[Digest], out: &mut [RawSignature]) -> Result<(), SigningError> {
        self.calls.lock().unwrap().push(digests.len());
        self.real.sign(digests, out)?;
        for (at, (digest, signature)) in digests.iter().zip(out).enumerate() {
            if self.chosen.contains(&digest.0) {
                match self.fault {
                    Fault::WrongSignature => signature.0[40] ^= 1,
                    Fault::Failure => return Err(SigningError::Digest(at)),
                    Fault::Refusal => return Err(Refused::SameX.into()),
                    Fault::OneNonce => *signature = self.with_nonce(77, digest),
                }
            }
        }
        Ok(())
    }

    fn slice_len(&self) -> usize {
        self.slice_len
    }
}

/// A key of the last backend, whose failures are its batches'.
fn key_that_fails_on(ids: &[i64], fault: Fault) -> (SigningKey, PublicKey) {
    let (key, public, _) = watched_key(ids, fault, 256);
    (key, public)
}

/// A key of a backend that another one can take the place of.
fn replaceable_key_that_fails_on(ids: &[i64], fault: Fault) -> SigningKey {
    SigningKey { last_resort: false, ..key_that_fails_on(ids, fault).0 }
}

fn watched_key(ids: &[i64], fault: Fault, slice_len: usize) -> (SigningKey, PublicKey, Arc<Mutex<Vec<usize>>>) {
    let scalar: [u8; 32] = Uuid::new_v4().into_bytes().repeat(2).try_into().unwrap();
    let private = PrivateKey::from_scalar(&scalar).unwrap();
    let public = private.public();
    let calls = Arc::default();
    let signer = FaultySigner {
        real: Backend::Reference.signer(&private, Nonce::Hedged).unwrap(),
        chosen: ids.iter().map(|id| digest(*id).0).collect(),
        fault,
        scalar: Scalar::from_repr(scalar.into()).unwrap(),
        slice_len,
        calls: Arc::clone(&calls),
    };
    let key = SigningKey {
        key: KeyId(7),
        expires: BootInstant::now().plus(Duration::from_secs(600)),
        backend: Backend::Reference,
        signer: Box::new(signer),
        check: SliceCheck::by(Backend::Native.verifier(&public).unwrap(), &public),
        last_resort: true,
        thumbprint: public.thumbprint(),
        nonces: NonceSet::default(),
        kept: Kept::default(),
    };
    (key, public, calls)
}

fn plan(verify: Verify) -> SignPlan {
    SignPlan { job: JOB, verify, keep_digests: false }
}

fn metrics() -> UnitMetrics {
    UnitMetrics::new(&Arc::new(Metrics::new().unwrap()), None)
}

fn unit(batches: &[BatchRecords], key: &mut SigningKey, verify: Verify) -> Result<SignedUnit, Stopped> {
    let batches: Vec<&BatchRecords> = batches.iter().collect();
    sign_unit(&batches, key, &plan(verify), &metrics())
}

fn numbers(unit: &SignedUnit) -> (Vec<i64>, Vec<i64>) {
    let signed = unit.segments.iter().map(|segment| segment.batch.0).collect();
    (signed, unit.failed.iter().map(|(batch, _)| batch.0).collect())
}

#[test]
fn a_batch_that_the_backend_fails_to_sign_keeps_no_other_from_being_signed() {
    let batches = [batch(1, 0..=9), batch(2, 10..=19), batch(3, 20..=29)];
    let (mut key, _) = key_that_fails_on(&[13], Fault::Failure);
    let unit = unit(&batches, &mut key, Verify::None).unwrap();
    assert_eq!(numbers(&unit), (vec![1, 3], vec![2]));
    assert!(matches!(unit.failed[0].1, SignFailure::Backend(SigningError::Digest(3))), "{:?}", unit.failed);
}

#[test]
fn a_batch_with_a_wrong_signature_is_named_with_the_record_at_fault() {
    let batches = [batch(1, 0..=9), batch(2, 10..=19), batch(3, 20..=29)];
    let (mut key, _) = key_that_fails_on(&[5, 27, 28], Fault::WrongSignature);
    let unit = unit(&batches, &mut key, Verify::All).unwrap();
    assert_eq!(numbers(&unit), (vec![2], vec![1, 3]));
    assert!(matches!(unit.failed[0].1, SignFailure::Check { record: 5 }), "{:?}", unit.failed);
    assert!(matches!(unit.failed[1].1, SignFailure::Check { record: 27 }), "{:?}", unit.failed);
}

#[test]
fn without_verification_nothing_is_checked() {
    let (mut key, _) = key_that_fails_on(&[5], Fault::WrongSignature);
    let unit = unit(&[batch(1, 0..=9)], &mut key, Verify::None).unwrap();
    assert_eq!(numbers(&unit), (vec![1], vec![]));
}

#[test]
fn a_sample_checks_at_least_one_signature_of_a_unit() {
    let all: Vec<i64> = (0..=9).collect();
    let (mut key, _) = key_that_fails_on(&all, Fault::WrongSignature);
    let unit = unit(&[batch(1, 0..=9)], &mut key, Verify::Sample).unwrap();
    assert_eq!(numbers(&unit), (vec![], vec![1]));
}

#[test]
fn nothing_is_signed_under_a_lease_that_has_ended() {
    let (mut key, _) = key_that_fails_on(&[], Fault::Failure);
    key.expires = BootInstant::now();
    assert_eq!(unit(&[batch(1, 0..=9)], &mut key, Verify::None).unwrap_err(), Stopped::LeaseEnded);
    let isolated = isolate(&batch(1, 0..=9), &mut key, &plan(Verify::All), 3, &metrics());
    assert_eq!(isolated.unwrap_err(), Stopped::LeaseEnded);
}

/// The signatures in the rows of a segment that keeps no digests.
fn signatures_of(segment: &Segment) -> Vec<RawSignature> {
    let rows = segment.copy.chunks_exact(vaultstream_ledger::copy::SIGNATURE_ROW);
    // Before it: the number of columns, two integers of 8 bytes with their lengths, its own length. After it: a NULL.
    rows.map(|row| RawSignature(row[30..94].try_into().unwrap())).collect()
}

fn is_sealed(public: &PublicKey, root: Hash, seal: RawSignature) -> bool {
    let mut valid = [false];
    Backend::Reference.verifier(public).unwrap().verify(&[seal_digest(&root)], &[seal], &mut valid);
    valid[0]
}

/// A batch of these ids without records to sign.
fn rejected(number: i64, id: i64) -> BatchRecords {
    let mut records = batch(number, id..=id);
    (records.ids, records.digests) = (Vec::new(), Vec::new());
    records.rejects.push(Reject { id, reason: "PayloadMissing".to_owned(), detail: String::new(), attempts: 0 });
    records
}

/// Isolates a batch of 100 records of which these fail. Returns the rejects' details.
fn isolated(chosen: &[i64], fault: Fault) -> BTreeMap<i64, String> {
    let records = batch(4, 100..=199);
    let (mut key, public) = key_that_fails_on(chosen, fault);
    let segment = isolate(&records, &mut key, &plan(Verify::All), 3, &metrics()).unwrap();
    assert_eq!(segment.signed, 100 - chosen.len() as i64);
    assert_eq!(segment.rejected, chosen.len() as i64);
    assert_eq!(segment.rows, 100);
    assert!(segment.rejects.iter().all(|reject| reject.reason == SIGNING_FAILED && reject.attempts == 3));
    // The same batch without those records gives the same rows and, the rejects aside, the same tree.
    let good = records.select(|at| !chosen.contains(&records.ids[at]));
    let signatures = signatures_of(&segment);
    let mut valid = vec![false; good.ids.len()];
    Backend::Reference.verifier(&public).unwrap().verify(&good.digests, &signatures, &mut valid);
    assert!(valid.into_iter().all(|valid| valid));
    let key = plan(Verify::All).segment_key(&key);
    let expected = super::segment(&good, &signatures, segment.rejects.clone(), &key);
    let expected = expected.sealed(segment.seal);
    assert_eq!((segment.root, segment.tree, segment.copy), (expected.root, expected.tree, expected.copy));
    assert!(is_sealed(&public, segment.root, segment.seal));
    segment.rejects.into_iter().map(|reject| (reject.id, reject.detail)).collect()
}

#[test]
fn isolation_rejects_the_records_at_fault_and_signs_all_others() {
    for chosen in [&[][..], &[100], &[199], &[149, 150], &[100, 133, 134, 199]] {
        for fault in [Fault::WrongSignature, Fault::Failure, Fault::Refusal] {
            assert_eq!(isolated(chosen, fault).keys().copied().collect::<Vec<_>>(), chosen);
        }
    }
    let all: Vec<i64> = (100..=199).collect();
    assert_eq!(isolated(&all, Fault::WrongSignature).len(), 100);
}

#[test]
fn a_reject_says_whether_the_backend_or_the_check_failed() {
    let failed = isolated(&[142], Fault::Failure);
    assert_eq!(failed[&142], "the backend failed to sign: failed to sign the digest at index 0");
    let wrong = isolated(&[142], Fault::WrongSignature);
    assert_eq!(wrong[&142], "the signature of record 142 did not pass the check by another implementation");
}

#[test]
fn a_batch_without_records_to_sign_is_only_its_rejects() {
    let records = rejected(9, 1);
    let (mut key, _) = key_that_fails_on(&[], Fault::Failure);
    let unit = unit(std::slice::from_ref(&records), &mut key, Verify::Sample).unwrap();
    assert_eq!((unit.segments[0].signed, unit.segments[0].rejected), (0, 1));
    let isolated = isolate(&records, &mut key, &plan(Verify::All), 1, &metrics()).unwrap();
    assert_eq!(isolated.root, unit.segments[0].root);
}

#[test]
fn slices_are_as_long_as_the_backend_says_whatever_the_batches() {
    let batches: Vec<_> = (0..20).map(|n| batch(n, n * 5..=n * 5 + 4)).collect();
    let (mut key, _, calls) = watched_key(&[], Fault::Failure, 32);
    assert_eq!(unit(&batches, &mut key, Verify::All).unwrap().segments.len(), 20);
    assert_eq!(*calls.lock().unwrap(), [32, 32, 32, 4, 20], "all seals with one call");
    let (mut key, _, calls) = watched_key(&[], Fault::Failure, 100_000);
    unit(&[batch(1, 1..=5000)], &mut key, Verify::None).unwrap();
    assert_eq!(*calls.lock().unwrap(), [4096, 904, 1]);
}

#[test]
fn nothing_of_a_unit_is_kept_when_another_backend_can_sign_it() {
    let batches = [batch(1, 0..=9), batch(2, 10..=19)];
    let mut key = replaceable_key_that_fails_on(&[13, 14], Fault::WrongSignature);
    assert_eq!(
        unit(&batches, &mut key, Verify::All).unwrap_err(),
        Stopped::Faulty(BackendFault::Signature { record: 13 })
    );
    // The system may have no randomness just now: that is not the backend's fault.
    let mut key = replaceable_key_that_fails_on(&[13], Fault::Failure);
    assert_eq!(numbers(&unit(&batches, &mut key, Verify::All).unwrap()), (vec![1], vec![2]));
    let mut key = replaceable_key_that_fails_on(&[105], Fault::WrongSignature);
    let isolated = isolate(&batch(4, 100..=109), &mut key, &plan(Verify::All), 3, &metrics());
    assert_eq!(isolated.unwrap_err(), Stopped::Faulty(BackendFault::Signature { record: 105 }));
}

/// Whatever is checked: nothing of the slice was signed.
#[test]
fn a_backend_that_refuses_a_slice_is_faulty_unless_it_is_the_last_one() {
    let batches = [batch(1, 0..=9), batch(2, 10..=19)];
    let refused = Stopped::Faulty(BackendFault::Refused(Refused::SameX));
    for verify in [Verify::None, Verify::Sample, Verify::All] {
        let mut key = replaceable_key_that_fails_on(&[13], Fault::Refusal);
        assert_eq!(unit(&batches, &mut key, verify).unwrap_err(), refused, "{verify:?}");
        let isolated = isolate(&batches[1], &mut key, &plan(verify), 3, &metrics());
        assert_eq!(isolated.unwrap_err(), refused);
        let (mut key, _) = key_that_fails_on(&[13], Fault::Refusal);
        assert_eq!(numbers(&unit(&batches, &mut key, verify).unwrap()), (vec![1], vec![2]), "{verify:?}");
    }
    assert_eq!(
        isolated(&[142], Fault::Refusal)[&142],
        "the backend failed to sign: the engine refused to sign: a nonce led to a sum of two points of the same x"
    );
}

#[test]
fn one_faulty_lane_is_found_in_the_first_slice() {
    let lane: Vec<i64> = (0..=999).filter(|id| id % 8 == 3).collect();
    let (key, _, calls) = watched_key(&lane, Fault::WrongSignature, 64);
    let mut key = SigningKey { last_resort: false, ..key };
    assert_eq!(
        unit(&[batch(1, 0..=999)], &mut key, Verify::All).unwrap_err(),
        Stopped::Faulty(BackendFault::Signature { record: 3 })
    );
    assert_eq!(*calls.lock().unwrap(), [64], "it went on signing");
}

/// A sample that finds a fault has all of the unit checked when no other backend can sign it.
#[test]
fn after_a_sample_s_find_the_whole_unit_is_checked() {
    let batches = [batch(1, 0..=9), batch(2, 10..=19), batch(3, 20..=2999)];
    let wrong: Vec<i64> = (11..=2998).collect();
    let (mut key, _) = key_that_fails_on(&wrong, Fault::WrongSignature);
    assert_eq!(numbers(&unit(&batches, &mut key, Verify::Sample).unwrap()), (vec![1], vec![2, 3]));
    let mut key = replaceable_key_that_fails_on(&wrong, Fault::WrongSignature);
    assert!(matches!(unit(&batches, &mut key, Verify::Sample), Err(Stopped::Faulty(BackendFault::Signature { .. }))));
}

#[test]
fn a_nonce_that_comes_again_stops_the_unit_whatever_is_checked() {
    let batches = [batch(1, 0..=9), batch(2, 10..=19)];
    for verify in [Verify::None, Verify::Sample, Verify::All] {
        let (mut key, _) = key_that_fails_on(&[4, 15], Fault::OneNonce);
        let stopped = unit(&batches, &mut key, verify).unwrap_err();
        assert_eq!(stopped, Stopped::NonceRepeated { thing: SignedThing::Record(15), batch: BatchNo(2) }, "{verify:?}");
        // From one unit of a lease to the next, and in a batch that is isolated.
        let (mut key, _) = key_that_fails_on(&[4, 15], Fault::OneNonce);
        unit(&batches[..1], &mut key, verify).unwrap();
        let repeated = Stopped::NonceRepeated { thing: SignedThing::Record(15), batch: BatchNo(2) };
        assert_eq!(unit(&batches[1..], &mut key, verify).unwrap_err(), repeated, "{verify:?}");
        let isolated = isolate(&batches[1], &mut key, &plan(verify), 3, &metrics());
        assert_eq!(isolated.unwrap_err(), repeated);
    }
}

/// The same digest may be signed again with the same nonce: that is the same signature.
#[test]
fn a_digest_that_is_signed_again_repeats_no_nonce() {
    let (mut key, _) = key_that_fails_on(&[4], Fault::OneNonce);
    for _ in 0..2 {
        unit(&[batch(1, 0..=9)], &mut key, Verify::All).unwrap();
    }
}

#[test]
fn what_a_sample_let_pass_is_kept_once_it_is_committed() {
    let (mut key, _) = key_that_fails_on(&[], Fault::Failure);
    unit(&[batch(1, 0..=9), batch(2, 10..=19)], &mut key, Verify::Sample).unwrap();
    key.kept.commit(&[BatchNo(2)].into());
    // Signed again, because it was not committed.
    unit(&[batch(1, 0..=9)], &mut key, Verify::Sample).unwrap();
    key.kept.commit(&[BatchNo(1)].into());
    let kept = |key: &SigningKey| key.kept.committed().iter().map(|kept| kept.batch.0).collect::<Vec<_>>();
    assert_eq!(kept(&key), [2, 1]);
    assert!(key.kept.committed().iter().all(|kept| key.check.wrong(&kept.digests, &kept.signatures).is_empty()));
    unit(&[batch(3, 0..=9)], &mut key, Verify::All).unwrap();
    key.kept.commit(&[BatchNo(3)].into());
    assert_eq!(kept(&key), [2, 1], "all of it was checked");
}
