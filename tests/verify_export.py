"""Checks an export with nothing of this project: every signature with the library `cryptography`, every inclusion proof
with hashlib. Prints one JSON object; ends with 1 at the first record that is wrong.

usage: verify_export.py JWKS EXPORT.jsonl JOB-UID MERKLE-ROOT
"""

import base64
import hashlib
import json
import sys
import uuid

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def number(value):
    return value.to_bytes(8, "big", signed=True)


def base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def public_key(jwk):
    x, y = (int.from_bytes(base64url(jwk[name]), "big") for name in "xy")
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def root_of(leaf, index, size, path):
    """The root that a path of RFC 9162, 2.1.3.2, leads to; None when it does not fit the tree's size."""
    if index >= size:
        return None
    node, last = leaf, size - 1
    for sibling in path:
        if last == 0:
            return None
        if index % 2 == 1 or index == last:
            node = sha256(b"\x01", sibling, node)
            while index % 2 == 0 and index != 0:
                index, last = index // 2, last // 2
        else:
            node = sha256(b"\x01", node, sibling)
        index, last = index // 2, last // 2
    return node if last == 0 else None


def job_root(job, line, digest, signature):
    proof = line["proof"]
    path = lambda name: [bytes.fromhex(text) for text in proof[name]]
    leaf = sha256(b"\x00", number(line["id"]), digest, signature)
    tree = root_of(leaf, proof["index"], proof["signed"], path("batchPath"))
    if tree is None:
        return None
    numbers = [number(proof[name]) for name in ("batch", "first", "last", "signed", "rejected")]
    batch = sha256(
        b"\x02", job.bytes, *numbers, base64url(proof["kid"]), bytes.fromhex(proof["rejectsRoot"]), tree
    )
    return root_of(batch, proof["batch"], proof["batches"], path("jobPath"))


def main(jwks, export, uid, root):
    keys = {jwk["kid"]: public_key(jwk) for jwk in json.load(open(jwks))["keys"]}
    job, root = uuid.UUID(uid), bytes.fromhex(root)
    ids, used = set(), set()
    for text in open(export):
        line = json.loads(text)
        if "reject" in line:
            continue
        payload, der = base64.b64decode(line["payload"]), base64.b64decode(line["signature"])
        try:
            keys[line["keyId"]].verify(der, payload, ec.ECDSA(SHA256()))
        except InvalidSignature:
            sys.exit(f"record {line['id']}: the signature is wrong")
        r, s = utils.decode_dss_signature(der)
        raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if job_root(job, line, sha256(payload), raw) != root:
            sys.exit(f"record {line['id']}: the proof does not lead to the root")
        ids.add(line["id"])
        used.add(line["keyId"])
    print(json.dumps({"records": len(ids), "first": min(ids), "last": max(ids), "keys": len(used)}))


main(*sys.argv[1:])
