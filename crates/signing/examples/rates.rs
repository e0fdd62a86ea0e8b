//! Nanoseconds a record of every step of the hot loop, on one thread: `cargo run --release -p vaultstream-signing --example rates`.
//!
//! Each figure is the best of fifty short rounds, which a busy machine disturbs least. It also tells which form to ask aws-lc for: its fixed one, or DER with our own
//! conversion, which is what the native backend does.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Digest as Imported, SHA256};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, ParsedPublicKey,
};
use uuid::Uuid;
use vaultstream_signing::merkle::{Tree, leaf};
use vaultstream_signing::{
    Backend, Digest, Kek, KekRing, MessageForm, Nonce, PrivateKey, RawSignature, WrapContext, der_decode, der_encode,
};

const ROUNDS: usize = 50;
const SIGNATURES: usize = 500;
const CHEAP: usize = 20_000;

fn report(what: &str, records: usize, mut run: impl FnMut()) {
    let round = |_| {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    let best = (0..ROUNDS).map(round).min().unwrap_or(Duration::ZERO);
    let each = best.as_secs_f64() * 1e9 / records as f64;
    println!("{what:<44} {each:>10.1} ns {:>12.0} /s", 1e9 / each);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = PrivateKey::generate()?;
    let digests: Vec<Digest> = (0..CHEAP as u64).map(|n| Digest::of(&n.to_be_bytes())).collect();
    let mut signatures = vec![RawSignature::EMPTY; CHEAP];
    let mut valid = vec![false; SIGNATURES];

    aws_lc_forms(&digests[..SIGNATURES])?;

    for backend in Backend::present() {
        for nonce in [Nonce::Hedged, Nonce::Deterministic] {
            if backend.effective(nonce) == backend {
                let mut signer = backend.signer(&key, nonce)?;
                let (digests, out) = (&digests[..SIGNATURES], &mut signatures[..SIGNATURES]);
                let mut failed = None;
                report(&format!("sign, {backend}, {nonce:?}"), SIGNATURES, || {
                    failed = signer.sign(digests, out).err();
                });
                failed.map_or(Ok(()), Err)?;
            }
        }
        let verifier = backend.verifier(&key.public())?;
        report(&format!("verify, {backend}"), SIGNATURES, || {
            verifier.verify(&digests[..SIGNATURES], &signatures[..SIGNATURES], &mut valid);
        });
        if !valid.iter().all(|valid| *valid) {
            return Err("a signature does not verify".into());
        }
        report(&format!("make a signer, {backend}"), 100, || {
            for _ in 0..100 {
                drop(black_box(backend.signer(&key, Nonce::Hedged)));
            }
        });
    }

    let payload = [7; 64];
    for (name, form) in [("payload", MessageForm::Payload), ("bound", MessageForm::Bound { job: Uuid::from_u128(1) })] {
        report(&format!("digest of 64 bytes, {name}"), CHEAP, || {
            for id in 0..CHEAP as i64 {
                black_box(form.digest(id, black_box(&payload)));
            }
        });
    }
    let mut tree = Tree::new();
    report("merkle, leaf and tree", CHEAP, || {
        tree.clear();
        for (id, (digest, signature)) in digests.iter().zip(&signatures).enumerate() {
            tree.push(leaf(id as i64, digest, signature));
        }
        black_box(tree.root());
    });
    report("DER encode and decode", CHEAP, || {
        for signature in &signatures {
            black_box(der_decode(&der_encode(signature)).is_ok());
        }
    });
    keys(&key)
}

/// Which of aws-lc's two forms is the cheaper way to r‖s.
fn aws_lc_forms(digests: &[Digest]) -> Result<(), Box<dyn std::error::Error>> {
    let sign = |name: &str, algorithm: &'static EcdsaSigningAlgorithm, convert: fn(&[u8])| {
        let pair = EcdsaKeyPair::generate(algorithm)?;
        report(&format!("aws-lc sign to r‖s through {name}"), digests.len(), || {
            for digest in digests {
                let Ok(digest) = Imported::import_less_safe(&digest.0, &SHA256) else { continue };
                let Ok(signature) = pair.sign_digest(&digest) else { continue };
                convert(signature.as_ref());
            }
        });
        Ok::<(), aws_lc_rs::error::Unspecified>(())
    };
    for _ in 0..2 {
        sign("FIXED", &ECDSA_P256_SHA256_FIXED_SIGNING, |raw| {
            black_box(raw.try_into().map(RawSignature)).ok();
        })?;
        sign("DER", &ECDSA_P256_SHA256_ASN1_SIGNING, |der| {
            black_box(der_decode(der)).ok();
        })?;
    }
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let mut signed = Vec::new();
    for digest in digests {
        let digest = Imported::import_less_safe(&digest.0, &SHA256)?;
        let raw = RawSignature(pair.sign_digest(&digest)?.as_ref().try_into()?);
        signed.push((digest, raw));
    }
    let fixed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key())?;
    let der = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, pair.public_key())?;
    for _ in 0..2 {
        report("aws-lc verify r‖s through FIXED", signed.len(), || {
            for (digest, raw) in &signed {
                black_box(fixed.verify_digest_sig(digest, &raw.0)).ok();
            }
        });
        report("aws-lc verify r‖s through DER", signed.len(), || {
            for (digest, raw) in &signed {
                black_box(der.verify_digest_sig(digest, &der_encode(raw))).ok();
            }
        });
    }
    Ok(())
}

fn keys(key: &PrivateKey) -> Result<(), Box<dyn std::error::Error>> {
    report("generate a key", 100, || {
        for _ in 0..100 {
            drop(black_box(PrivateKey::generate()));
        }
    });
    let ring = KekRing::new(Kek::generate("rates".parse()?)?);
    let context = WrapContext { job: Uuid::from_u128(1), key: 1, version: 1 };
    let (wrapped, public) = (ring.wrap(key, &context)?, key.public());
    report("wrap a key", 100, || {
        for _ in 0..100 {
            drop(black_box(ring.wrap(key, &context)));
        }
    });
    report("unwrap a key", 100, || {
        for _ in 0..100 {
            drop(black_box(ring.unwrap(&wrapped.kek_id, &wrapped.bytes, &context, &public)));
        }
    });
    report("thumbprint of a key", 100, || {
        for _ in 0..100 {
            black_box(public.thumbprint());
        }
    });
    Ok(())
}
