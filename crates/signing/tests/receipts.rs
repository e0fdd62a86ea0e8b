//! Receipts are read back as they were signed, and any change to one is noticed.

#![expect(clippy::unwrap_used, reason = "this program holds only tests")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use uuid::Uuid;
use vaultstream_signing::receipt::{
    IdsAre, KeyTree, KeyUse, KeyUses, ReceiptDetails, ReceiptError, ReceiptFormat, SignedSource, Totals,
    certificate_chain,
};
use vaultstream_signing::{
    Backend, Digest, Nonce, PrivateKey, RawSignature, Receipt, Thumbprint, jose_encode, sign_receipt, verify_receipt,
};

fn receipt() -> Receipt {
    Receipt {
        format_version: ReceiptFormat::V2,
        uid: Uuid::from_u128(5),
        namespace: "default".into(),
        name: "invoices".into(),
        spec_hash: [1; 32],
        records: Totals { total: 10, signed: 9, rejected: 1, changed: 0 },
        merkle_root: [2; 32],
        rejects_root: None,
        keys: KeyUses::Listed(vec![KeyUse { kid: Thumbprint([3; 32]), signed: 9 }]),
        backends: vec![Backend::Multibuffer, Backend::Native],
        verify: "Sample".into(),
        started_at: "2026-10-01T10:00:00Z".into(),
        completed_at: "2026-10-01T10:00:09Z".into(),
        checkpoint: None,
        details: None,
    }
}

/// The same of the present format.
fn detailed() -> Receipt {
    let source = SignedSource::Table {
        schema: "public".into(),
        table: "orders".into(),
        key_columns: vec!["id".into()],
        payload_column: "doc".into(),
        json: None,
        ids: None,
    };
    let details = ReceiptDetails {
        software_version: "0.2.0".into(),
        cluster: "local".into(),
        source,
        message: "Bound".into(),
        tree_size: 3,
        sealed: 2,
        signatures_checked: None,
        made_at: "2026-10-01T10:00:10Z".into(),
    };
    Receipt { format_version: ReceiptFormat::V3, details: Some(details), ..receipt() }
}

#[test]
fn a_receipt_has_the_documented_json() {
    let key = PrivateKey::generate().unwrap();
    let jws = sign_receipt(&key, &receipt(), &[]).unwrap();
    let parts: Vec<&str> = jws.split('.').collect();
    let json =
        |part: &str| serde_json::from_slice::<serde_json::Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    assert_eq!(
        json(parts[0]),
        serde_json::json!({"alg": "ES256", "kid": key.public().thumbprint(), "typ": "vaultstream-receipt"})
    );
    assert_eq!(
        json(parts[1]),
        serde_json::json!({
            "formatVersion": 2,
            "uid": "00000000-0000-0000-0000-000000000005",
            "namespace": "default",
            "name": "invoices",
            "specHash": "01".repeat(32),
            "records": {"total": 10, "signed": 9, "rejected": 1, "changed": 0},
            "merkleRoot": "02".repeat(32),
            "keys": [{"kid": "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM", "signed": 9}],
            "backends": ["multibuffer", "native"],
            "verify": "Sample",
            "startedAt": "2026-10-01T10:00:00Z",
            "completedAt": "2026-10-01T10:00:09Z",
        })
    );
    assert_eq!(URL_SAFE_NO_PAD.decode(parts[2]).unwrap().len(), 64);
    assert_eq!(parts.len(), 3);
}

#[test]
fn a_receipt_of_many_keys_has_their_root_instead_of_them() {
    let key = PrivateKey::generate().unwrap();
    let many = Receipt { keys: KeyUses::Tree(KeyTree { size: 5_000_000, root: [4; 32] }), ..receipt() };
    let jws = sign_receipt(&key, &many, &[]).unwrap();
    assert!(jws.len() < 1_000, "{}", jws.len());
    assert_eq!(verify_receipt(&key.public(), &jws).unwrap(), many);
    let body = URL_SAFE_NO_PAD.decode(jws.split('.').nth(1).unwrap()).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["keyTree"], serde_json::json!({"size": 5_000_000, "root": "04".repeat(32)}));
    assert_eq!(body.get("keys"), None);
}

#[test]
fn a_receipt_of_format_3_has_the_documented_members_and_may_carry_certificates() {
    let key = PrivateKey::generate().unwrap();
    let json =
        |part: &str| serde_json::from_slice::<serde_json::Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let jws = sign_receipt(&key, &detailed(), &[]).unwrap();
    let parts: Vec<&str> = jws.split('.').collect();
    let header =
        serde_json::json!({"alg": "ES256", "kid": key.public().thumbprint(), "typ": "vaultstream-receipt+jwt"});
    assert_eq!(json(parts[0]), header);
    let body = json(parts[1]);
    for (member, value) in [
        ("formatVersion", 3.into()),
        ("softwareVersion", "0.2.0".into()),
        ("cluster", "local".into()),
        (
            "source",
            serde_json::json!({"kind": "Table", "schema": "public", "table": "orders", "keyColumns": ["id"], "payloadColumn": "doc"}),
        ),
        ("message", "Bound".into()),
        ("treeSize", 3.into()),
        ("sealed", 2.into()),
        ("madeAt", "2026-10-01T10:00:10Z".into()),
    ] {
        assert_eq!(body[member], value, "{member}");
    }
    assert_eq!(body.get("signaturesChecked"), None);
    assert_eq!(verify_receipt(&key.public(), &jws).unwrap(), detailed());
    assert!(certificate_chain(&jws).unwrap().is_empty());

    let chain = [b"of the key".to_vec(), b"of its issuer".to_vec()];
    let certified = sign_receipt(&key, &detailed(), &chain).unwrap();
    assert_eq!(verify_receipt(&key.public(), &certified).unwrap(), detailed());
    assert_eq!(certificate_chain(&certified).unwrap(), chain);
    assert_eq!(json(certified.split('.').next().unwrap())["x5c"][0], "b2YgdGhlIGtleQ==");
}

#[test]
fn a_receipt_whose_header_or_members_are_those_of_another_format_is_refused() {
    let key = PrivateKey::generate().unwrap();
    let [old, new] = ["vaultstream-receipt", "vaultstream-receipt+jwt"];
    let [v2, v3] = [receipt(), detailed()].map(|receipt| serde_json::to_value(receipt).unwrap());
    let refused = |typ: &str, body: &serde_json::Value| {
        verify_receipt(&key.public(), &signed_as_type(&key, typ, body)).unwrap_err()
    };
    assert!(matches!(refused(new, &v2), ReceiptError::Type));
    assert!(matches!(refused(old, &v3), ReceiptError::Type));
    for member in ["softwareVersion", "cluster", "source", "message", "treeSize", "sealed", "madeAt"] {
        let mut body = v3.clone();
        body.as_object_mut().unwrap().remove(member);
        assert!(matches!(refused(new, &body), ReceiptError::Incomplete), "{member}");
    }
    // Members that an earlier format does not have mean nothing there.
    let mut body = v3.clone();
    body["formatVersion"] = 2.into();
    assert_eq!(verify_receipt(&key.public(), &signed_as_type(&key, old, &body)).unwrap(), receipt());
}

#[test]
fn receipts_of_rows_and_of_canonical_json_have_a_format_of_their_own_and_no_others_have_it() {
    let key = PrivateKey::generate().unwrap();
    let (schema, table, key_columns) = ("public".to_owned(), "orders".to_owned(), vec!["id".to_owned()]);
    let json = Some("JCS".to_owned());
    let rows = SignedSource::Rows {
        schema: schema.clone(),
        table: table.clone(),
        key_columns: key_columns.clone(),
        columns: vec!["id".into(), "doc".into()],
        json: None,
        ids: None,
    };
    let payload_column = "doc".to_owned();
    let canonical = SignedSource::Table { schema, table, key_columns, payload_column, json, ids: None };
    let of = |format_version, source: &SignedSource| {
        let details = ReceiptDetails { source: source.clone(), ..detailed().details.unwrap() };
        let receipt = Receipt { format_version, details: Some(details), ..receipt() };
        verify_receipt(&key.public(), &sign_receipt(&key, &receipt, &[]).unwrap()).map(|read| (read == receipt, read))
    };
    for source in [&rows, &canonical] {
        assert_eq!(source.format(), ReceiptFormat::V4);
        assert!(of(ReceiptFormat::V4, source).unwrap().0);
        assert!(matches!(of(ReceiptFormat::V3, source), Err(ReceiptError::Incomplete)));
    }
    let plain = detailed().details.unwrap().source;
    assert!(of(ReceiptFormat::V3, &plain).unwrap().0);
    assert!(matches!(of(ReceiptFormat::V4, &plain), Err(ReceiptError::Incomplete)));
    let (_, read) = of(ReceiptFormat::V4, &rows).unwrap();
    let json = serde_json::to_value(&read).unwrap();
    assert_eq!((&json["formatVersion"], &json["source"]["kind"]), (&4.into(), &"Rows".into()));
    assert_eq!(json["source"]["columns"], serde_json::json!(["id", "doc"]));
}

#[test]
fn receipts_of_ordinals_have_a_format_of_their_own_and_say_what_ids_are() {
    let key = PrivateKey::generate().unwrap();
    let of = |format_version, ids, json: Option<String>| {
        let source = SignedSource::Table {
            schema: "public".into(),
            table: "orders".into(),
            key_columns: vec!["tenant".into(), "no".into()],
            payload_column: "doc".into(),
            json,
            ids,
        };
        let details = ReceiptDetails { source, ..detailed().details.unwrap() };
        let receipt = Receipt { format_version, details: Some(details), ..receipt() };
        verify_receipt(&key.public(), &sign_receipt(&key, &receipt, &[]).unwrap())
    };
    for (ids, word) in [(IdsAre::Ordinals, "Ordinals"), (IdsAre::Keys, "Keys")] {
        let read = of(ReceiptFormat::V5, Some(ids), None).unwrap();
        assert_eq!(read.details.as_ref().unwrap().source.ids(), Some(ids));
        assert_eq!(serde_json::to_value(&read).unwrap()["source"]["ids"], word);
        assert!(of(ReceiptFormat::V5, Some(ids), Some("JCS".into())).is_ok());
        for other in [ReceiptFormat::V3, ReceiptFormat::V4] {
            assert!(matches!(of(other, Some(ids), None), Err(ReceiptError::Incomplete)));
        }
    }
    assert!(matches!(of(ReceiptFormat::V5, None, None), Err(ReceiptError::Incomplete)));
}

#[test]
fn a_receipt_of_an_unknown_format_and_one_without_keys_are_refused() {
    let key = PrivateKey::generate().unwrap();
    for (member, value, why) in [
        ("formatVersion", Some(7.into()), "receipts of format 7 are not known to this version"),
        ("keys", None, "no variant of enum KeyUses"),
    ] {
        let mut body = serde_json::to_value(receipt()).unwrap();
        let members = body.as_object_mut().unwrap();
        match value {
            Some(value) => drop(members.insert(member.to_owned(), value)),
            None => drop(members.remove(member)),
        }
        let error = verify_receipt(&key.public(), &signed_as(&key, &body)).unwrap_err();
        assert!(matches!(error, ReceiptError::Decode(_)), "{error:?}");
        let told = std::error::Error::source(&error).unwrap().to_string();
        assert!(told.contains(why), "{told}");
    }
}

/// A receipt with this body, whatever it is.
fn signed_as(key: &PrivateKey, body: &serde_json::Value) -> String {
    signed_as_type(key, "vaultstream-receipt", body)
}

fn signed_as_type(key: &PrivateKey, typ: &str, body: &serde_json::Value) -> String {
    let header = serde_json::json!({"alg": "ES256", "kid": key.public().thumbprint(), "typ": typ});
    let signed = [header, body.clone()].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let mut signature = [RawSignature::EMPTY];
    let mut signer = Backend::Reference.signer(key, Nonce::Hedged).unwrap();
    signer.sign(&[Digest::of(signed.as_bytes())], &mut signature).unwrap();
    format!("{signed}.{}", jose_encode(&signature[0]))
}

/// Written by version 0.1 before it knew more than one backend: one `backend`, no `rejectsRoot`, no `formatVersion`.
#[test]
fn a_receipt_of_an_earlier_version_is_read() {
    let key = PrivateKey::generate().unwrap();
    let keys = KeyUses::Listed(vec![KeyUse { kid: Thumbprint([3; 32]), signed: 9 }; 1_001]);
    let expected = Receipt { format_version: ReceiptFormat::V1, backends: vec![Backend::Native], keys, ..receipt() };
    let mut body = serde_json::to_value(&expected).unwrap();
    assert_eq!(body.get("formatVersion"), None);
    body.as_object_mut().unwrap().remove("backends");
    body["backend"] = "native".into();
    assert_eq!(verify_receipt(&key.public(), &signed_as(&key, &body)).unwrap(), expected);
}

#[test]
fn a_receipt_of_another_key_is_told_apart_from_a_changed_one() {
    let (key, other) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
    let jws = sign_receipt(&key, &receipt(), &[]).unwrap();
    assert!(matches!(
        verify_receipt(&other.public(), &jws),
        Err(ReceiptError::Key { wanted, found }) if wanted == other.public().thumbprint() && found == key.public().thumbprint()
    ));
    let (signed, signature) = jws.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let better = Receipt { records: Totals { total: 11, ..receipt().records }, ..receipt() };
    let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&better).unwrap());
    let forged = format!("{header}.{payload}.{signature}");
    assert!(matches!(verify_receipt(&key.public(), &forged), Err(ReceiptError::Signature)));
}

#[test]
fn what_is_no_receipt_is_refused_before_its_signature_is_looked_at() {
    let key = PrivateKey::generate().unwrap();
    let jws = sign_receipt(&key, &receipt(), &[]).unwrap();
    let (_, rest) = jws.split_once('.').unwrap();
    let kid = key.public().thumbprint();
    for header in [
        format!(r#"{{"alg":"none","kid":"{kid}","typ":"vaultstream-receipt"}}"#),
        format!(r#"{{"alg":"HS256","kid":"{kid}","typ":"vaultstream-receipt"}}"#),
        format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"JWT"}}"#),
        format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"vaultstream-receipt","crit":["exp"]}}"#),
        format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"vaultstream-receipt","x5c":["AA=="]}}"#),
        format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"vaultstream-receipt+jwt","x5c":[]}}"#),
        format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"vaultstream-receipt+jwt","jku":"x"}}"#),
        "[]".into(),
    ] {
        let jws = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(&header));
        assert!(matches!(verify_receipt(&key.public(), &jws), Err(ReceiptError::Form)), "{header}");
    }
    for text in ["", ".", "..", "a.b.c", rest, &format!("{jws}."), &format!("{jws}=="), &format!(" {jws}")] {
        assert!(matches!(verify_receipt(&key.public(), text), Err(ReceiptError::Form)), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_receipt_is_read_back_and_no_character_of_it_can_change(
        name in "[a-z0-9-]{1,40}",
        total: u64,
        root: [u8; 32],
        rejects in prop::option::of(any::<[u8; 32]>()),
        kids in prop::collection::vec((any::<[u8; 32]>(), any::<u64>()), 0..5),
        at in any::<prop::sample::Index>(),
        to in "[A-Za-z0-9_.-]",
    ) {
        let receipt = Receipt {
            name,
            records: Totals { total, ..receipt().records },
            merkle_root: root,
            rejects_root: rejects,
            keys: KeyUses::Listed(kids.into_iter().map(|(kid, signed)| KeyUse { kid: Thumbprint(kid), signed }).collect()),
            ..receipt()
        };
        let key = PrivateKey::generate()?;
        let jws = sign_receipt(&key, &receipt, &[])?;
        prop_assert_eq!(verify_receipt(&key.public(), &jws)?, receipt);

        let at = at.index(jws.len());
        let changed = format!("{}{to}{}", &jws[..at], &jws[at + 1..]);
        prop_assert_eq!(verify_receipt(&key.public(), &changed).is_ok(), changed == jws);
        prop_assert!(verify_receipt(&key.public(), &jws[..at]).is_err());
    }
}
