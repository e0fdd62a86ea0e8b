//! A job of a test vector, honest or not, and its lines. Keys and nonces are made from numbers, so that the same text comes out each time.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use vaultstream_proof::bundle::{
    BatchLine, BundleWriter, HeaderLine, JobName, KeyLine, RecordLine, RejectLine, RevokedLine, RowState,
};
use vaultstream_signing::{
    BatchRoot, Digest, Hash, Jwk, MessageForm, PrivateKey, RecordName, RowKey, Thumbprint, jose_encode, merkle,
};

use crate::{
    fixed::{deterministic, private, scalar, with_nonce},
    seal::Seal,
};

pub(crate) const UID: Uuid = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
pub(crate) const REASON: &str = "PayloadMissing";

/// What records are signed as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signing {
    Payload,
    Bound,
}

/// A record, and how a forger changed it.
pub(crate) struct Record {
    pub(crate) id: i64,
    pub(crate) payload: Vec<u8>,
    /// The digest that is written, if not that of the payload's message.
    pub(crate) digest: Option<Digest>,
    /// The digest that is signed, if not the one that is written.
    pub(crate) signed: Option<Digest>,
    /// The nonce, if not that of RFC 6979.
    nonce: Option<u8>,
    pub(crate) row: Option<RowState>,
}

pub(crate) struct Batch {
    first: i64,
    last: i64,
    key: Option<usize>,
    pub(crate) records: Vec<Record>,
    pub(crate) rejects: Vec<i64>,
    pub(crate) seal: Seal,
}

pub(crate) struct Job {
    pub(crate) signing: Signing,
    /// What the spec says of the columns that are signed.
    pub(crate) signed: Value,
    /// What the spec says of the key's columns.
    pub(crate) key_of_spec: Value,
    /// What the receipt's source says of them, and of ids.
    pub(crate) key_of_receipt: Value,
    /// The keys of rows by id, where ids are ordinals.
    pub(crate) row_key: Option<fn(i64) -> Vec<String>>,
    pub(crate) payloads: bool,
    pub(crate) bundle: u32,
    pub(crate) receipt_format: u32,
    /// The type in the receipt's header, if not that of its format.
    pub(crate) receipt_type: Option<&'static str>,
    /// Members that the receipt's header has besides.
    pub(crate) receipt_header: Value,
    pub(crate) compromised: bool,
    pub(crate) receipt_key_signs: bool,
    pub(crate) change_receipt: Option<fn(&mut Value)>,
    /// The tokens over the receipt.
    pub(crate) tokens: fn(&str) -> Vec<Vec<u8>>,
    pub(crate) batches: Vec<Batch>,
    pub(crate) keys: usize,
}

impl Job {
    /// Two keys, three batches, ten records, two rejects.
    pub(crate) fn new() -> Self {
        let mut job = Self::of_batches(&[&[1, 2, 3, 4], &[11, 12, 14], &[21, 22, 23]]);
        job.batches[1].rejects = vec![13, 15];
        job.batches[1].last = 15;
        job
    }

    /// Batches of records with these ids. The keys take turns.
    pub(crate) fn of_batches(ids: &[&[i64]]) -> Self {
        let batch = |(place, ids): (usize, &&[i64])| Batch {
            first: ids[0],
            last: ids[ids.len() - 1],
            key: Some(place % 2),
            records: ids.iter().map(|id| Record::new(*id)).collect(),
            rejects: Vec::new(),
            seal: Seal::Right,
        };
        Self {
            signing: Signing::Payload,
            signed: json!({"payload": "doc"}),
            key_of_spec: json!({"key": "id"}),
            key_of_receipt: json!({"keyColumns": ["id"]}),
            row_key: None,
            payloads: true,
            bundle: 2,
            receipt_format: 3,
            receipt_type: None,
            receipt_header: json!({}),
            compromised: false,
            receipt_key_signs: false,
            change_receipt: None,
            tokens: |_| Vec::new(),
            batches: ids.iter().enumerate().map(batch).collect(),
            keys: ids.len().min(2),
        }
    }

    /// A record for each of many keys.
    pub(crate) fn of_many_keys(keys: usize) -> Self {
        let batches = (0..keys).zip(1..).map(|(key, id)| Batch {
            first: id,
            last: id,
            key: Some(key),
            records: vec![Record::new(id)],
            rejects: Vec::new(),
            seal: Seal::Right,
        });
        Self { batches: batches.collect(), keys, ..Self::of_batches(&[]) }
    }

    /// The same with a batch in which nothing could be signed, sealed by a key that has signed nothing else.
    pub(crate) fn with_rejected_batch(mut self) -> Self {
        let key = Some(self.keys);
        self.keys += 1;
        let rejects = vec![31, 39];
        self.batches.push(Batch { first: 31, last: 39, key, records: Vec::new(), rejects, seal: Seal::Right });
        self
    }

    /// The same as an earlier version signed it.
    pub(crate) fn without_seals(mut self) -> Self {
        for batch in &mut self.batches {
            batch.seal = Seal::Absent;
            batch.key = batch.key.filter(|_| !batch.records.is_empty());
        }
        self
    }

    /// The same without keys that no batch names.
    pub(crate) fn without_idle_keys(mut self) -> Self {
        self.keys = self.batches.iter().filter_map(|batch| batch.key).max().map_or(0, |key| key + 1);
        self
    }

    /// The same with another seal of the last batch.
    pub(crate) fn sealing_the_last(mut self, seal: Seal) -> Self {
        self.batches.last_mut().expect("a batch").seal = seal;
        self
    }

    /// The same with one record changed.
    pub(crate) fn changing(mut self, id: i64, change: impl Fn(&mut Record)) -> Self {
        self.batches.iter_mut().flat_map(|batch| &mut batch.records).filter(|record| record.id == id).for_each(change);
        self
    }

    /// The same with a record that is signed with the nonce 7.
    pub(crate) fn with_a_known_nonce(self) -> Self {
        self.changing(1, |record| record.nonce = Some(7))
    }

    /// The same with two records of one key signed with one nonce.
    pub(crate) fn repeating_a_nonce(self) -> Self {
        self.changing(1, |record| record.nonce = Some(7)).changing(22, |record| record.nonce = Some(7))
    }

    /// The lines.
    pub(crate) fn text(&self) -> String {
        let keys: Vec<PrivateKey> = (0..self.keys).map(|key| private(key + 2)).collect();
        let receipt_key = if self.receipt_key_signs { private(2) } else { private(1) };
        let batches: Vec<(BatchLine, Vec<Line>)> =
            (0..).zip(&self.batches).map(|(number, batch)| self.lines(number, batch, &keys)).collect();
        let receipt = self.receipt(&receipt_key, &keys, &batches);
        let header = HeaderLine {
            bundle: self.bundle,
            job: JobName { uid: UID, namespace: "default".into(), name: "vector".into() },
            payloads: self.payloads,
            spec: self.spec(),
            tokens: (self.tokens)(&receipt),
            receipt,
            receipt_key: Jwk::of(&receipt_key.public()),
        };
        let mut writer = BundleWriter::begin(Vec::new(), &header).expect("memory");
        for (ordinal, (key, private)) in (1..).zip(keys.iter().enumerate()) {
            let compromised = (self.compromised && key == 0).then(|| RevokedLine {
                at: "2026-01-02T00:00:00Z".into(),
                reason: "left on a train".into(),
                compromised: true,
            });
            let (signed, jwk) = (self.signed_by(key), Jwk::of(&private.public()));
            writer.key(&KeyLine { ordinal, version: 1, signed, jwk, revoked: compromised }).expect("memory");
        }
        for (batch, lines) in &batches {
            writer.batch(batch).expect("memory");
            for line in lines {
                match line {
                    Line::Record(record) => writer.record(record).expect("memory"),
                    Line::Reject(reject) => writer.reject(reject).expect("memory"),
                }
            }
        }
        String::from_utf8(writer.finish().expect("memory")).expect("UTF-8")
    }

    fn spec(&self) -> String {
        let message = match self.signing {
            Signing::Payload => "Payload",
            Signing::Bound => "Bound",
        };
        let mut table = json!({"name": "orders", "schema": "public"});
        extend(&mut table, &self.signed);
        extend(&mut table, &self.key_of_spec);
        format!(r#"{{"batchSize":4,"signing":{{"message":"{message}"}},"source":{{"table":{table}}}}}"#)
    }

    fn key(&self, id: i64) -> Option<RowKey> {
        self.row_key.map(|key| RowKey::new(key(id)))
    }

    fn record_name(&self, id: i64) -> RecordName {
        RecordName { id, key: self.key(id).map(|key| key.hash()) }
    }

    fn reject_leaf(&self, id: i64) -> Hash {
        merkle::reject_leaf(self.record_name(id), REASON)
    }

    fn signed_by(&self, key: usize) -> u64 {
        self.batches.iter().filter(|batch| batch.key == Some(key)).map(|batch| batch.records.len() as u64).sum()
    }

    /// A batch and its lines, by id.
    fn lines(&self, number: u64, batch: &Batch, keys: &[PrivateKey]) -> (BatchLine, Vec<Line>) {
        let key = batch.key.map(|key| &keys[key]);
        let records: Vec<RecordLine> =
            batch.records.iter().filter_map(|record| Some(self.record(record, key?))).collect();
        let rejects = batch.rejects.iter().map(|id| RejectLine { id: *id, key: self.key(*id), reason: REASON.into() });
        let leaf =
            |record: &RecordLine| merkle::leaf(self.record_name(record.id), &Digest(record.digest), &record.signature);
        let tree: merkle::Tree = records.iter().map(leaf).collect();
        let rejects_tree: merkle::Tree = batch.rejects.iter().map(|id| self.reject_leaf(*id)).collect();
        let kid = key.map(|key| key.public().thumbprint());
        let signs = kid.filter(|_| !batch.records.is_empty());
        let root = BatchRoot {
            job: UID,
            batch: number as i64,
            first: batch.first,
            last: batch.last,
            signed: batch.records.len() as i64,
            rejected: batch.rejects.len() as i64,
            key: signs.unwrap_or(Thumbprint::ZERO),
            rejects: rejects_tree.root(),
            tree: tree.root(),
        };
        let line = BatchLine {
            batch: number,
            first: batch.first,
            last: batch.last,
            signed: batch.records.len() as u64,
            rejected: batch.rejects.len() as u64,
            kid,
            root: root.hash(),
            seal: key.and_then(|key| batch.seal.of(key, &root.hash())),
        };
        let mut lines: Vec<Line> = records.into_iter().map(Line::Record).chain(rejects.map(Line::Reject)).collect();
        lines.sort_by_key(Line::id);
        (line, lines)
    }

    fn record(&self, record: &Record, key: &PrivateKey) -> RecordLine {
        let form = match self.signing {
            Signing::Payload => MessageForm::Payload,
            Signing::Bound => MessageForm::Bound { job: UID },
        };
        let digest = record.digest.unwrap_or_else(|| form.digest(record.id, &record.payload));
        let message = record.signed.unwrap_or(digest);
        let signature = match record.nonce {
            Some(nonce) => with_nonce(scalar(2), u64::from(nonce), &message),
            None => deterministic(key, &message),
        };
        let payload = (self.payloads && record.row.is_none()).then(|| record.payload.clone());
        let row = record.row.filter(|_| self.payloads);
        RecordLine { id: record.id, key: self.key(record.id), digest: digest.0, signature, payload, row }
    }

    /// What the receipt has since format 3.
    fn details(&self, signed: u64, batches: &[(BatchLine, Vec<Line>)]) -> Map<String, Value> {
        let message = match self.signing {
            Signing::Payload => "Payload",
            Signing::Bound => "Bound",
        };
        let mut source = json!({"kind": "Table", "schema": "public", "table": "orders"});
        extend(&mut source, &self.key_of_receipt);
        for (member, value) in self.signed.as_object().expect("an object") {
            match member.as_str() {
                "payload" => source["payloadColumn"] = value.clone(),
                "columns" => (source["kind"], source["columns"]) = ("Rows".into(), value.clone()),
                member => source[member] = value.clone(),
            }
        }
        let details = json!({
            "softwareVersion": "0.1.0", "cluster": "local", "source": source, "message": message,
            "treeSize": batches.len(), "sealed": batches.iter().filter(|(batch, _)| batch.seal.is_some()).count(),
            "signaturesChecked": signed, "madeAt": "2026-01-01T00:01:01.000Z",
        });
        details.as_object().expect("an object").clone()
    }

    /// The receipt over these batches, as its maker wants it.
    fn receipt(&self, key: &PrivateKey, keys: &[PrivateKey], batches: &[(BatchLine, Vec<Line>)]) -> String {
        let roots: Vec<Hash> = batches.iter().map(|(batch, _)| batch.root).collect();
        let mut rejected: Vec<i64> = self.batches.iter().flat_map(|batch| batch.rejects.clone()).collect();
        if self.receipt_format < 6 {
            rejected.sort_unstable();
        }
        let rejects: Vec<Hash> = rejected.iter().map(|id| self.reject_leaf(*id)).collect();
        let signed: u64 = (0..self.keys).map(|key| self.signed_by(key)).sum();
        let mut receipt = json!({
            "uid": UID, "namespace": "default", "name": "vector",
            "specHash": merkle::to_hex(&Digest::of(self.spec().as_bytes()).0),
            "records": {"total": signed + rejected.len() as u64, "signed": signed, "rejected": rejected.len(), "changed": 0},
            "merkleRoot": merkle::to_hex(&merkle::root(&roots)),
            "backends": ["reference"], "verify": "All",
            "startedAt": "2026-01-01T00:00:00.000Z", "completedAt": "2026-01-01T00:01:00.000Z",
        });
        if !rejects.is_empty() {
            receipt["rejectsRoot"] = json!(merkle::to_hex(&merkle::root(&rejects)));
        }
        if self.receipt_format > 1 {
            receipt["formatVersion"] = json!(self.receipt_format);
        }
        if self.receipt_format > 2 {
            let details = self.details(signed, batches);
            receipt.as_object_mut().expect("an object").extend(details);
        }
        let uses = (0..).zip(keys).map(|(place, key)| (key.public().thumbprint(), self.signed_by(place)));
        let uses = uses.filter(|(_, signed)| *signed > 0);
        if keys.len() > 1_000 {
            let leaves: Vec<Hash> = uses.map(|(kid, signed)| merkle::key_use_leaf(&kid, signed)).collect();
            receipt["keyTree"] = json!({"size": leaves.len(), "root": merkle::to_hex(&merkle::root(&leaves))});
        } else {
            receipt["keys"] = uses.map(|(kid, signed)| json!({"kid": kid, "signed": signed})).collect();
        }
        if let Some(change) = self.change_receipt {
            change(&mut receipt);
        }
        let of_format = if self.receipt_format > 2 { "vaultstream-receipt+jwt" } else { "vaultstream-receipt" };
        let typ = self.receipt_type.unwrap_or(of_format);
        let mut header = json!({"alg": "ES256", "kid": key.public().thumbprint(), "typ": typ});
        extend(&mut header, &self.receipt_header);
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&receipt));
        let signature = deterministic(key, &Digest::of(signed.as_bytes()));
        format!("{signed}.{}", jose_encode(&signature))
    }
}

/// Adds the members of an object to another one.
fn extend(object: &mut Value, more: &Value) {
    object.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
}

impl Record {
    fn new(id: i64) -> Self {
        Self { id, payload: format!("record {id}").into_bytes(), digest: None, signed: None, nonce: None, row: None }
    }
}

/// A line below a batch.
enum Line {
    Record(RecordLine),
    Reject(RejectLine),
}

impl Line {
    fn id(&self) -> i64 {
        match self {
            Self::Record(record) => record.id,
            Self::Reject(reject) => reject.id,
        }
    }
}
