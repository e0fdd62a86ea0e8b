//! Signing with backends that fail on chosen records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vaultstream_signing::{Backend, Nonce, PrivateKey, PublicKey};

use super::*;
use crate::metrics::Metrics;
use crate::unit::fixture::{batch, digest};

const JOB: Uuid = Uuid::from_u128(0x51);

/// How the fake treats the records that it fails on.
#[derive(Clone, Copy)]
enum Fault {
    /// Signs something else.
    WrongSignature,
    /// Refuses the whole call, as backends do.
    Refusal,
}

/// A real signer, but for the digests of chosen records.
struct FaultySigner {
    real: Box<dyn BatchSigner>,
    chosen: BTreeSet<[u8; 32]>,
    fault: Fault,
}

impl BatchSigner for FaultySigner {
    fn sign(&mut self, digests: &[Digest], out: &mut [RawSignature]) -> Result<(), SigningError> {
        self.real.sign(digests, out)?;
        for (at, (digest, signature)) in digests.iter().zip(out).enumerate() {
            if self.chosen.contains(&digest.0) {
                match self.fault {
                    Fault::WrongSignature => signature.0[40] ^= 1,
                    Fault::Refusal => return Err(SigningError::Digest(at)),
                }
            }
        }
        Ok(())
    }
}

fn key_that_fails_on(ids: &[i64], fault: Fault) -> (SigningKey, PublicKey) {
    let private = PrivateKey::generate().unwrap();
    let public = private.public();
    let real = Backend::Reference.signer(&private, Nonce::Deterministic).unwrap();
    let chosen = ids.iter().map(|id| digest(*id).0).collect();
    let key = SigningKey {
        key: KeyId(7),
        expires: BootInstant::now().plus(Duration::from_secs(600)),
        signer: Box::new(FaultySigner { real, chosen, fault }),
        checker: Backend::Native.verifier(&public).unwrap(),
        thumbprint: public.thumbprint(),
    };
    (key, public)
}

fn plan(verify: Verify) -> SignPlan {
    SignPlan { job: JOB, verify, keep_digests: false }
}

fn metrics() -> UnitMetrics {
    UnitMetrics::new(&Arc::new(Metrics::new().unwrap()), None)
}

fn unit(batches: &[BatchRecords], key: &mut SigningKey, verify: Verify) -> Result<SignedUnit, LeaseEnded> {
    let batches: Vec<&BatchRecords> = batches.iter().collect();
    sign_unit(&batches, key, &plan(verify), &metrics())
}

fn numbers(unit: &SignedUnit) -> (Vec<i64>, Vec<i64>) {
    let signed = unit.segments.iter().map(|segment| segment.batch.0).collect();
    (signed, unit.failed.iter().map(|(batch, _)| batch.0).collect())
}

#[test]
fn a_batch_that_the_backend_refuses_keeps_no_other_from_being_signed() {
    let batches = [batch(1, 0..=9), batch(2, 10..=19), batch(3, 20..=29)];
    let (mut key, _) = key_that_fails_on(&[13], Fault::Refusal);
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
    let (mut key, _) = key_that_fails_on(&[], Fault::Refusal);
    key.expires = BootInstant::now();
    assert_eq!(unit(&[batch(1, 0..=9)], &mut key, Verify::None).unwrap_err(), LeaseEnded);
    let isolated = isolate(&batch(1, 0..=9), &mut key, &plan(Verify::All), 3, &metrics());
    assert_eq!(isolated.unwrap_err(), LeaseEnded);
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
    let mut signatures = vec![RawSignature::EMPTY; good.ids.len()];
    key.signer.sign(&good.digests, &mut signatures).unwrap();
    let mut valid = vec![false; good.ids.len()];
    Backend::Reference.verifier(&public).unwrap().verify(&good.digests, &signatures, &mut valid);
    assert!(valid.into_iter().all(|valid| valid));
    let expected = super::segment(&good, &signatures, segment.rejects.clone(), &segment_key(&key, &plan(Verify::All)));
    assert_eq!((segment.root, segment.copy), (expected.root, expected.copy));
    segment.rejects.into_iter().map(|reject| (reject.id, reject.detail)).collect()
}

#[test]
fn isolation_rejects_the_records_at_fault_and_signs_all_others() {
    for chosen in [&[][..], &[100], &[199], &[149, 150], &[100, 133, 134, 199]] {
        for fault in [Fault::WrongSignature, Fault::Refusal] {
            assert_eq!(isolated(chosen, fault).keys().copied().collect::<Vec<_>>(), chosen);
        }
    }
    let all: Vec<i64> = (100..=199).collect();
    assert_eq!(isolated(&all, Fault::WrongSignature).len(), 100);
}

#[test]
fn a_reject_says_whether_the_backend_refused_or_the_check_failed() {
    let refused = isolated(&[142], Fault::Refusal);
    assert_eq!(refused[&142], "the backend failed to sign: failed to sign the digest at index 0");
    let wrong = isolated(&[142], Fault::WrongSignature);
    assert_eq!(wrong[&142], "the signature of record 142 did not pass the check by another implementation");
}

#[test]
fn a_batch_without_records_to_sign_is_only_its_rejects() {
    let mut records = batch(9, 1..=1);
    (records.ids, records.digests) = (Vec::new(), Vec::new());
    records.rejects.push(Reject { id: 1, reason: "PayloadMissing".to_owned(), detail: String::new(), attempts: 0 });
    let (mut key, _) = key_that_fails_on(&[], Fault::Refusal);
    let unit = unit(std::slice::from_ref(&records), &mut key, Verify::Sample).unwrap();
    assert_eq!((unit.segments[0].signed, unit.segments[0].rejected), (0, 1));
    let isolated = isolate(&records, &mut key, &plan(Verify::All), 1, &metrics()).unwrap();
    assert_eq!(isolated.root, unit.segments[0].root);
}
