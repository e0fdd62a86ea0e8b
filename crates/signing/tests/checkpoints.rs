//! Checkpoints are one chain, and what is kept between two of them is believed only as far as the signed one says it.

#![expect(clippy::unwrap_used, reason = "this program holds only tests")]

use uuid::Uuid;
use vaultstream_signing::checkpoint_state::StateError;
use vaultstream_signing::merkle::{Tree, root};
use vaultstream_signing::receipt::{
    Checkpoint, IdsAre, KeyUse, KeyUses, ReceiptDetails, ReceiptError, ReceiptFormat, SignedCheckpoint, SignedSource,
    checkpoint_digest,
};
use vaultstream_signing::{
    Backend, CheckedBatch, CheckpointState, Hash, PrivateKey, Receipt, Thumbprint, sign_receipt, verify_receipt,
};

const FIRST: Thumbprint = Thumbprint([1; 32]);
const SECOND: Thumbprint = Thumbprint([2; 32]);
const THIRD: Thumbprint = Thumbprint([3; 32]);

/// A checkpoint of what a state says.
fn receipt(state: &CheckpointState, place: Checkpoint) -> Receipt {
    let source = SignedSource::Table {
        schema: "public".into(),
        table: "orders".into(),
        key_columns: vec!["id".into()],
        payload_column: "doc".into(),
        json: None,
        ids: Some(IdsAre::Ordinals),
    };
    let details = ReceiptDetails {
        software_version: "0.2.0".into(),
        cluster: "local".into(),
        source,
        message: "Bound".into(),
        tree_size: state.batches(),
        sealed: state.sealed(),
        signatures_checked: Some(state.totals().signed),
        made_at: "2026-10-01T10:00:10Z".into(),
    };
    Receipt {
        format_version: ReceiptFormat::V6,
        uid: Uuid::from_u128(5),
        namespace: "default".into(),
        name: "orders".into(),
        spec_hash: [1; 32],
        records: state.totals(),
        merkle_root: state.root(),
        rejects_root: state.rejects_root(),
        keys: state.keys(),
        backends: vec![Backend::Native],
        verify: "All".into(),
        started_at: "2026-10-01T10:00:00Z".into(),
        completed_at: "2026-10-01T10:00:09Z".into(),
        checkpoint: Some(place),
        details: Some(details),
    }
}

fn batch(number: u8, key: Thumbprint, rejects: &[Hash]) -> CheckedBatch<'_> {
    CheckedBatch { root: [number; 32], signed: Some((key, 10)), rejects, sealed: true, changed: 1 }
}

/// Three batches, two rejects in two of them, two keys.
fn state() -> CheckpointState {
    let mut growing = CheckpointState::new().grow();
    growing.batch(&batch(10, FIRST, &[[7; 32]])).unwrap();
    growing.batch(&batch(11, THIRD, &[[6; 32]])).unwrap();
    growing.batch(&batch(12, FIRST, &[])).unwrap();
    growing.finish([FIRST, SECOND, THIRD]).unwrap()
}

#[test]
fn a_chain_names_each_checkpoint_before_and_ends_with_the_last_one() {
    let key = PrivateKey::generate().unwrap();
    let sign = |place| {
        let jws = sign_receipt(&key, &receipt(&state(), place), &[]).unwrap();
        (SignedCheckpoint::verify(&key.public(), &jws).unwrap(), jws)
    };
    let (first, jws) = sign(Checkpoint::first());
    assert_eq!(first.digest(), &checkpoint_digest(&jws));
    assert_eq!((first.place(), first.batches()), (Checkpoint::first(), 3));
    let place = first.next().unwrap();
    assert_eq!((place.number(), place.previous(), place.is_last()), (2, Some(first.digest()), false));
    let (second, _) = sign(place);
    let (last, _) = sign(second.next().unwrap().as_last());
    assert_eq!((last.place().number(), last.place().previous()), (3, Some(second.digest())));
    assert!(last.place().is_last() && last.next().is_none());
    assert!(SignedCheckpoint::verify(&PrivateKey::generate().unwrap().public(), &jws).is_err());
}

#[test]
fn a_checkpoint_is_of_its_format_and_no_other_receipt_is_one() {
    let key = PrivateKey::generate().unwrap();
    let signed = |receipt: &Receipt| sign_receipt(&key, receipt, &[]);
    let right = receipt(&state(), Checkpoint::first());
    assert_eq!(verify_receipt(&key.public(), &signed(&right).unwrap()).unwrap(), right);
    let json = serde_json::to_value(&right).unwrap();
    assert_eq!((&json["formatVersion"], &json["checkpoint"]), (&6.into(), &serde_json::json!({"number": 1})));
    let none = Receipt { checkpoint: None, ..right.clone() };
    assert!(matches!(signed(&none), Err(ReceiptError::Checkpoint)));
    for format_version in [ReceiptFormat::V1, ReceiptFormat::V2, ReceiptFormat::V3, ReceiptFormat::V5] {
        let other = Receipt { format_version, ..right.clone() };
        assert!(matches!(signed(&other), Err(ReceiptError::Checkpoint)), "{format_version:?}");
    }
    let finished = Receipt { format_version: ReceiptFormat::V5, checkpoint: None, ..right.clone() };
    let finished = signed(&finished).unwrap();
    assert!(verify_receipt(&key.public(), &finished).is_ok());
    assert!(matches!(SignedCheckpoint::verify(&key.public(), &finished), Err(ReceiptError::NoCheckpoint)));
    let mut of_keys = right;
    if let Some(SignedSource::Table { ids, .. }) = of_keys.details.as_mut().map(|details| &mut details.source) {
        *ids = Some(IdsAre::Keys);
    }
    let of_keys = signed(&of_keys).unwrap();
    assert!(matches!(verify_receipt(&key.public(), &of_keys), Err(ReceiptError::Incomplete)));
}

#[test]
fn a_tree_that_was_kept_goes_on() {
    let leaves: Vec<Hash> = (0..70).map(|leaf| [leaf; 32]).collect();
    for kept in 0..leaves.len() {
        let tree: Tree = leaves[..kept].iter().copied().collect();
        let mut resumed = Tree::resume(tree.peaks().to_vec(), kept as u64).unwrap();
        resumed.extend(leaves[kept..].iter().copied());
        assert_eq!((resumed.root(), resumed.len()), (root(&leaves), 70));
        let more = [tree.peaks(), &[[9; 32]]].concat();
        assert!(Tree::resume(more, kept as u64).is_none());
        assert!(kept == 0 || Tree::resume(tree.peaks()[1..].to_vec(), kept as u64).is_none());
    }
}

#[test]
fn sums_go_on_where_the_last_checkpoint_ended() {
    let mut at_once = CheckpointState::new().grow();
    for (number, key, rejects) in [(10, FIRST, vec![[7; 32]]), (11, THIRD, vec![[6; 32]]), (12, FIRST, vec![])] {
        at_once.batch(&batch(number, key, &rejects)).unwrap();
    }
    at_once.batch(&batch(13, SECOND, &[[5; 32]])).unwrap();
    let none = CheckedBatch { root: [14; 32], signed: None, rejects: &[[4; 32]], sealed: false, changed: 0 };
    at_once.batch(&none).unwrap();
    let at_once = at_once.finish([FIRST, SECOND, THIRD]).unwrap();

    let mut later = CheckpointState::decode(&state().encode()).unwrap().grow();
    later.batch(&batch(13, SECOND, &[[5; 32]])).unwrap();
    later.batch(&none).unwrap();
    let later = later.finish([FIRST, SECOND, THIRD]).unwrap();
    assert_eq!(later, at_once);
    assert_eq!(later.root(), root(&[[10; 32], [11; 32], [12; 32], [13; 32], [14; 32]]));
    assert_eq!(later.rejects_root(), Some(root(&[[7; 32], [6; 32], [5; 32], [4; 32]])), "in the order of batches");
    let used = |kid, signed| KeyUse { kid, signed };
    assert_eq!(later.keys(), KeyUses::Listed(vec![used(FIRST, 20), used(SECOND, 10), used(THIRD, 10)]));
    let totals = later.totals();
    assert_eq!((totals.total, totals.signed, totals.rejected, totals.changed), (44, 40, 4, 4));
    assert_eq!((later.batches(), later.sealed()), (5, 4));
}

#[test]
fn keys_that_are_missing_doubled_or_in_another_order_are_refused() {
    let grown = || {
        let mut growing = state().grow();
        growing.batch(&batch(13, SECOND, &[])).unwrap();
        growing
    };
    assert!(grown().finish([FIRST, SECOND, THIRD]).is_ok());
    for order in [vec![FIRST, THIRD], vec![FIRST, SECOND], vec![THIRD, SECOND, FIRST], vec![]] {
        assert_eq!(grown().finish(order.clone()), Err(StateError::Keys), "{order:?}");
    }
    // A key that is there twice is taken once.
    assert_eq!(grown().finish([FIRST, FIRST, SECOND, THIRD]), grown().finish([FIRST, SECOND, THIRD]));
    let mut many = CheckpointState::new().grow();
    let batch = CheckedBatch { signed: Some((FIRST, u64::MAX)), ..batch(1, FIRST, &[]) };
    many.batch(&batch).unwrap();
    assert_eq!(many.batch(&batch), Err(StateError::TooMany));
}

#[test]
fn a_state_is_resumed_behind_its_own_checkpoint_only() {
    let key = PrivateKey::generate().unwrap();
    let checkpoint = |receipt: &Receipt| {
        SignedCheckpoint::verify(&key.public(), &sign_receipt(&key, receipt, &[]).unwrap()).unwrap()
    };
    let right = receipt(&state(), Checkpoint::first());
    let (bytes, signed) = (state().encode(), checkpoint(&right));
    assert_eq!(CheckpointState::resume(&bytes, &signed), Ok(state()));
    // No byte of it can be changed: the checkpoint says them all.
    for place in 0..bytes.len() {
        for bit in [1, 0x80] {
            let mut other = bytes.clone();
            other[place] ^= bit;
            assert!(CheckpointState::resume(&other, &signed).is_err(), "byte {place}");
        }
    }
    for length in 0..bytes.len() {
        assert_eq!(CheckpointState::decode(&bytes[..length]), Err(StateError::Form));
    }
    assert_eq!(CheckpointState::decode(&[&bytes[..], &[0]].concat()), Err(StateError::Form));
    let changes: [fn(&mut Receipt); 8] = [
        |receipt| receipt.merkle_root[0] ^= 1,
        |receipt| receipt.rejects_root = None,
        |receipt| receipt.records.signed += 1,
        |receipt| receipt.records.total += 1,
        |receipt| receipt.records.changed += 1,
        |receipt| receipt.details.as_mut().unwrap().tree_size += 1,
        |receipt| receipt.details.as_mut().unwrap().sealed += 1,
        |receipt| receipt.keys = KeyUses::Listed(Vec::new()),
    ];
    for (place, change) in changes.iter().enumerate() {
        let mut other = right.clone();
        change(&mut other);
        assert!(!state().agrees_with(&other), "change {place}");
        assert_eq!(CheckpointState::resume(&bytes, &checkpoint(&other)), Err(StateError::Altered), "change {place}");
    }
    let finished = Receipt { format_version: ReceiptFormat::V5, checkpoint: None, ..right };
    assert!(!state().agrees_with(&finished));
}

#[test]
fn a_state_of_many_keys_is_pinned_by_their_root() {
    let kid = |number: u64| {
        let mut kid = [0; 32];
        kid[..8].copy_from_slice(&number.to_be_bytes());
        Thumbprint(kid)
    };
    let mut growing = CheckpointState::new().grow();
    (0..1_500).for_each(|number| growing.batch(&batch(1, kid(number), &[])).unwrap());
    let state = growing.finish((0..1_500).map(kid)).unwrap();
    let right = receipt(&state, Checkpoint::first());
    assert!(matches!(right.keys, KeyUses::Tree(_)) && state.agrees_with(&right));
    let mut bytes = state.encode();
    let last = bytes.len() - 40;
    bytes.copy_within(last.., last - 40);
    assert_eq!(CheckpointState::decode(&bytes), Err(StateError::Form), "a key that is there twice");
    let mut bytes = state.encode();
    bytes[last] ^= 1;
    assert!(!CheckpointState::decode(&bytes).unwrap().agrees_with(&right));
}
