//! All backends that are present must make the same deterministic signatures, and agree on which signatures are valid.
//!
//! The bytes are a private key, a mask that is laid over the first signatures, and digests.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vaultstream_signing::{Backend, Digest, Nonce, PrivateKey, RawSignature};

const MOST: usize = 20;

fuzz_target!(|input: &[u8]| {
    let Some((scalar, rest)) = input.split_first_chunk::<32>() else { return };
    let Some((mask, rest)) = rest.split_first_chunk::<64>() else { return };
    let Ok(key) = PrivateKey::from_scalar(scalar) else { return };
    let (digests, _) = rest.as_chunks::<32>();
    let digests: Vec<Digest> = digests.iter().take(MOST).copied().map(Digest).collect();

    let made: Vec<_> = Backend::present()
        .into_iter()
        .filter(|backend| backend.effective(Nonce::Deterministic) == *backend)
        .map(|backend| (backend, sign(backend, &key, Nonce::Deterministic, &digests)))
        .collect();
    for pair in made.windows(2) {
        assert_eq!(pair[0].1, pair[1].1, "{} and {}", pair[0].0, pair[1].0);
    }

    for maker in Backend::present() {
        let signatures = sign(maker, &key, Nonce::Hedged, &digests);
        let mut changed = signatures.clone();
        changed.iter_mut().step_by(2).for_each(|signature| {
            signature.0.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        });
        for (signatures, untouched) in [(&signatures, true), (&changed, false)] {
            let verdicts: Vec<_> =
                Backend::present().into_iter().map(|backend| verify(backend, &key, &digests, signatures)).collect();
            assert!(verdicts.windows(2).all(|pair| pair[0] == pair[1]), "{maker}'s: {verdicts:?}");
            assert!(!untouched || verdicts.iter().flatten().all(|valid| *valid), "{maker}'s: {verdicts:?}");
        }
    }
});

fn sign(backend: Backend, key: &PrivateKey, nonce: Nonce, digests: &[Digest]) -> Vec<RawSignature> {
    let mut out = vec![RawSignature::EMPTY; digests.len()];
    let signed = backend.signer(key, nonce).and_then(|mut signer| signer.sign(digests, &mut out));
    assert!(signed.is_ok(), "{backend}: {signed:?}");
    out
}

fn verify(backend: Backend, key: &PrivateKey, digests: &[Digest], signatures: &[RawSignature]) -> Vec<bool> {
    let mut valid = vec![false; digests.len()];
    match backend.verifier(&key.public()) {
        Ok(verifier) => {
            verifier.verify(digests, signatures, &mut valid);
        }
        Err(error) => panic!("{backend}: {error}"),
    }
    valid
}
