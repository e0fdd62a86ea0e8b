#!/usr/bin/env python3
"""Verifies a bundle that `vaultstream export --bundle` wrote, with nothing of VaultStream: docs/formats.md is all it is made from.

    verify.py BUNDLE [--receipt-digest HEX] [--allow-changed] [--all]

Needs Python 3.9 and the package `cryptography`. Ends with 0 for VERIFIED, with 1 for NOT VERIFIED, and with 2 for a file that is not
a bundle of a known format.
"""

import argparse
import base64
import hashlib
import json
import re
import struct
import sys
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512

FORMATS = (1, 2)
RECEIPT_TYPES = {1: "vaultstream-receipt", 2: "vaultstream-receipt", 3: "vaultstream-receipt+jwt"}
LINE_LIMIT = 16 << 20
LISTED_KEYS = 1000
INT64 = (-(1 << 63), (1 << 63) - 1)
UINT64 = (0, (1 << 64) - 1)

# The members of each type of line, in the order in which they are written. A question mark: may be absent.
MEMBERS = {
    "header": ["type", "bundle", "job", "payloads", "spec", "receipt", "receiptKey"],
    "key": ["type", "ordinal", "version", "signed", "jwk", "revoked?"],
    "batch": ["type", "batch", "first", "last", "signed", "rejected", "kid?", "root", "seal?"],
    "record": ["type", "id", "digest", "signature", "payload?", "row?"],
    "reject": ["type", "id", "reason"],
    "end": ["type", "lines"],
}
JOB = ["uid", "namespace", "name"]
JWK = ["kty", "crv", "x", "y", "kid", "alg", "use"]
REVOKED = ["at", "reason", "compromised"]
ROW_STATES = ("Changed", "Null", "Gone", "Unreadable", "NotRead")


class Malformed(Exception):
    """A line that is not as the format has it."""


class NotABundle(Exception):
    """A file that is not a bundle of a known format."""


def sha256(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


# Values


def unique(pairs):
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed("a member is there twice")
    return value


def parse(line):
    """A line as a value. Its text must be what writing the value again gives."""
    try:
        value = json.loads(line.decode("utf-8"), object_pairs_hook=unique)
        again = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if again.encode("utf-8", "surrogatepass") != line:
        raise Malformed("its members are not written as the format has them")
    if not isinstance(value, dict) or not isinstance(value.get("type"), str) or value["type"] not in MEMBERS:
        raise Malformed("not a line of a bundle")
    members(value, MEMBERS[value["type"]])
    return value


def members(value, wanted):
    if not isinstance(value, dict):
        raise Malformed("a member is not an object")
    names = list(value)
    for name in wanted:
        plain = name.rstrip("?")
        if names and names[0] == plain:
            names.pop(0)
        elif plain == name:
            raise Malformed(f"the member {plain} is missing, or not in its place")
    if names:
        raise Malformed(f"the member {names[0]} is not known here, or not in its place")


def text(value):
    if not isinstance(value, str):
        raise Malformed("a member is not text")
    return value


def flag(value):
    if not isinstance(value, bool):
        raise Malformed("a member is neither true nor false")
    return value


def small(value):
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 1 << 31:
        raise Malformed("a member is not a number from 1 to 2147483647")
    return value


def decimal(value, limits):
    if not re.fullmatch(r"0|-?[1-9][0-9]{0,19}", text(value)) or not limits[0] <= int(value) <= limits[1]:
        raise Malformed("a member is not a decimal number of 64 bits")
    return int(value)


def base64url(value, length=None):
    try:
        data = base64.b64decode(text(value).encode("ascii") + b"=" * (-len(value) % 4), b"-_", validate=True)
    except ValueError as error:
        raise Malformed("a member is not base64url without padding") from error
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != value or length not in (None, len(data)):
        raise Malformed("a member is not base64url without padding of the right length")
    return data


def hexadecimal(value):
    if not re.fullmatch(r"[0-9a-f]{64}", text(value)):
        raise Malformed("a member is not 64 hexadecimal digits")
    return bytes.fromhex(value)


class Key:
    """A public key of P-256, from a JWK."""

    def __init__(self, jwk):
        members(jwk, JWK)
        x, y = base64url(jwk["x"], 32), base64url(jwk["y"], 32)
        if (jwk["kty"], jwk["crv"], jwk["alg"], jwk["use"]) != ("EC", "P-256", "ES256", "sig"):
            raise Malformed("a key is not one of ES256")
        canonical = '{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}' % (jwk["x"], jwk["y"])
        self.thumbprint = sha256(canonical.encode())
        self.kid = base64.urlsafe_b64encode(self.thumbprint).rstrip(b"=").decode()
        if self.kid != text(jwk["kid"]):
            raise Malformed("a key has the id of another one")
        numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1())
        try:
            self.public = numbers.public_key()
        except ValueError as error:
            raise Malformed("a key is not a point of the curve") from error

    def sealed(self, root, seal):
        return self.verifies(b"vaultstream/seal/v1\0" + root, seal, SHA512())

    def signed(self, digest, signature):
        return self.verifies(digest, signature, Prehashed(SHA256()))

    def verifies(self, message, signature, algorithm):
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        if not r or not s:
            return False
        try:
            self.public.verify(encode_dss_signature(r, s), message, ec.ECDSA(algorithm))
            return True
        except InvalidSignature:
            return False


class Tree:
    """A Merkle tree of RFC 9162, 2.1, that is fed its leaves from left to right."""

    def __init__(self):
        self.peaks, self.size = [], 0

    def push(self, leaf):
        size = self.size
        while size & 1:
            leaf = sha256(b"\x01", self.peaks.pop(), leaf)
            size >>= 1
        self.peaks.append(leaf)
        self.size += 1

    def root(self):
        if not self.peaks:
            return sha256()
        root = self.peaks[-1]
        for left in reversed(self.peaks[:-1]):
            root = sha256(b"\x01", left, root)
        return root


# The receipt


def read_receipt(header, key):
    """The payload of the receipt, once its signature was checked."""
    parts = header["receipt"].split(".")
    if len(parts) != 3:
        raise Malformed("not a receipt in compact JWS form")
    head = json.loads(base64url(parts[0]), object_pairs_hook=unique)
    if not isinstance(head, dict) or set(head) - {"x5c"} != {"alg", "kid", "typ"}:
        raise Malformed("not a receipt in compact JWS form")
    if (head["alg"], head["kid"]) != ("ES256", key.kid) or head["typ"] not in RECEIPT_TYPES.values():
        raise Malformed("the receipt was signed by another key, or is none")
    if "x5c" in head:
        certificates(head["x5c"])
    if not key.signed(sha256(f"{parts[0]}.{parts[1]}".encode()), base64url(parts[2], 64)):
        raise Malformed("the receipt's signature is wrong")
    receipt = json.loads(base64url(parts[1]), object_pairs_hook=unique)
    version = receipt.get("formatVersion", 1)
    if isinstance(version, bool) or version not in RECEIPT_TYPES:
        raise Malformed(f"receipts of format {version} are not known")
    if head["typ"] != RECEIPT_TYPES[version] or ("x5c" in head and version < 3):
        raise Malformed("the receipt's header is not that of its format")
    if version >= 3:
        for name in ("softwareVersion", "cluster", "message", "madeAt"):
            text(receipt[name])
    for name in ("verify", "startedAt", "completedAt"):
        text(receipt[name])
    return receipt


def certificates(chain):
    if not isinstance(chain, list) or not chain:
        raise Malformed("the receipt's certificates are no list")
    for certificate in chain:
        if not base64.b64decode(text(certificate).encode("ascii"), validate=True):
            raise Malformed("a certificate of the receipt is empty")


def message_and_source(header):
    """What the spec says of both, as a receipt of format 3 has it; neither when it is no spec."""
    try:
        spec = json.loads(header["spec"])
        return spec.get("signing", {}).get("message", "Payload"), signed_source(spec["source"])
    except (Malformed, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None, None


def signed_source(source):
    """Where the records come from."""
    if "generate" in source:
        return {"kind": "Generated"}
    table = {name: text(source["table"][name]) for name in ("schema", "name", "key", "payload")}
    return {
        "kind": "Table", "schema": table["schema"], "table": table["name"], "keyColumns": [table["key"]], "payloadColumn": table["payload"],
    }


def message_form(header):
    """The bytes before a payload, as a function of id and length; None for payloads as they are."""
    spec = json.loads(header["spec"])
    signing = spec.get("signing") if isinstance(spec, dict) else None
    form = signing.get("message", "Payload") if isinstance(signing, dict) else "Payload"
    if form == "Payload":
        return None
    if form != "Bound":
        raise Malformed(f"the spec's signing.message is {form!r}, which is not known")
    uid = UUID(header["job"]["uid"]).bytes
    return lambda number, length: b"vaultstream/bound/v1\0" + uid + struct.pack(">qQ", number, length)


# The whole file


class Bundle:
    """What was found while the lines of a bundle were read."""

    def __init__(self, header):
        self.header = header
        self.problems = []
        self.keys, self.order, self.found = {}, [], {}
        self.last_key = (0, 0)
        self.batch = None
        self.batches = Tree()
        self.ranges, self.rejects, self.nonces = [], [], {}
        self.signed = self.rejected = self.changed = self.sealed = 0
        self.wrong, self.payloads, self.repeated, self.rows = [], [], [], []
        self.wrong_seals, self.sealers = [], set()
        self.receipt, self.prefix, self.form_known = None, None, False
        self.read_header()

    def problem(self, kind, sentence):
        self.problems.append((kind, sentence))

    def read_header(self):
        header = self.header
        members(header["job"], JOB)
        for name in JOB:
            text(header["job"][name])
        if str(UUID(header["job"]["uid"])) != header["job"]["uid"]:
            raise Malformed("the uid is not written as the format has it")
        flag(header["payloads"])
        text(header["spec"]), text(header["receipt"])
        self.receipt_key = Key(header["receiptKey"])
        try:
            self.receipt = read_receipt(header, self.receipt_key)
        except (Malformed, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self.problem("Receipt", f"the receipt is not valid: {error}")
        try:
            self.prefix = message_form(header)
            self.form_known = True
        except (Malformed, ValueError, RecursionError) as error:
            self.problem("Receipt", f"the spec says not what was signed: {error}")

    def line(self, line):
        kind = line["type"]
        if kind == "key" and self.batches.size == 0 and self.batch is None:
            self.key(line)
        elif kind == "batch":
            self.close()
            self.open(line)
        elif kind == "record" and self.batch:
            self.record(line)
        elif kind == "reject" and self.batch:
            self.reject(line)
        else:
            raise Malformed(f"a {kind} is not expected here")

    def key(self, line):
        place = (small(line["ordinal"]), small(line["version"]))
        key = Key(line["jwk"])
        key.says = decimal(line["signed"], UINT64)
        if place <= self.last_key:
            raise Malformed("keys do not ascend by ordinal and version")
        if key.kid in self.keys:
            raise Malformed(f"the key {key.kid} is there twice")
        if key.kid == self.receipt_key.kid:
            self.problem("Key", f"the receipt key {key.kid} signs records, too")
        if "revoked" in line:
            members(line["revoked"], REVOKED)
            text(line["revoked"]["at"]), text(line["revoked"]["reason"])
            if flag(line["revoked"]["compromised"]):
                self.problem("CompromisedKey", f"the key {key.kid} was revoked as compromised: {line['revoked']['reason']}")
        self.last_key = place
        self.keys[key.kid], self.found[key.kid] = key, 0
        self.order.append(key.kid)

    def open(self, line):
        number, first, last = decimal(line["batch"], UINT64), decimal(line["first"], INT64), decimal(line["last"], INT64)
        if number != self.batches.size:
            raise Malformed(f"batch {number}, where batch {self.batches.size} is expected")
        if first > last:
            raise Malformed("a batch whose range is empty")
        kid = line.get("kid")
        if kid is not None and text(kid) not in self.keys:
            raise Malformed(f"the key {kid} is not in the bundle")
        root = hexadecimal(line["root"])
        if "seal" in line:
            self.seal(line, kid, number, root)
        self.batch = {
            "number": number, "first": first, "last": last, "kid": kid, "root": root, "id": None, "tree": Tree(), "rejects": Tree(),
            "says": (decimal(line["signed"], UINT64), decimal(line["rejected"], UINT64)),
        }
        self.batches.push(root)
        self.ranges.append((first, last, number))

    def seal(self, line, kid, number, root):
        seal = base64url(line["seal"], 64)
        if self.header["bundle"] == 1:
            raise Malformed("a seal in a bundle of format 1")
        if kid is None:
            raise Malformed("a seal of no key")
        self.sealed += 1
        self.sealers.add(kid)
        if not self.keys[kid].sealed(root, seal):
            self.wrong_seals.append(number)
        self.nonce(kid, seal, f"batch {number}")

    def nonce(self, kid, signature, what):
        first = self.nonces.setdefault((kid, signature[:32]), (what, signature[32:]))
        if first[1] != signature[32:]:
            self.repeated.extend([first[0], what])

    def take_id(self, value):
        number, batch = decimal(value, INT64), self.batch
        if not batch["first"] <= number <= batch["last"]:
            raise Malformed(f"record {number} is not in the range of its batch")
        if batch["id"] is not None and number <= batch["id"]:
            raise Malformed(f"record {number} is there twice, or out of order")
        batch["id"] = number
        return number

    def record(self, line):
        number, digest, signature = self.take_id(line["id"]), hexadecimal(line["digest"]), base64url(line["signature"], 64)
        kid = self.batch["kid"]
        if kid is None:
            raise Malformed("a record in a batch without a key")
        self.batch["tree"].push(sha256(b"\0", struct.pack(">q", number), digest, signature))
        self.payload(line, number, digest)
        self.signed += 1
        self.found[kid] += 1
        if not self.keys[kid].signed(digest, signature):
            self.wrong.append(number)
        self.nonce(kid, signature, number)

    def payload(self, line, number, digest):
        if self.header["payloads"] != ("payload" in line or "row" in line) or ("payload" in line and "row" in line):
            raise Malformed("a record with a payload or a reason where none belongs, or without both")
        if "row" in line:
            if line["row"] not in ROW_STATES:
                raise Malformed("a member row that is not known")
            self.rows.append(number)
        elif "payload" in line:
            payload = base64url(line["payload"])
            prefix = self.prefix(number, len(payload)) if self.prefix else b""
            if self.form_known and sha256(prefix, payload) != digest:
                self.payloads.append(number)

    def reject(self, line):
        number = self.take_id(line["id"])
        leaf = sha256(b"\x03", struct.pack(">q", number), text(line["reason"]).encode())
        self.batch["rejects"].push(leaf)
        self.rejects.append((number, leaf))
        self.rejected += 1

    def close(self):
        batch, self.batch = self.batch, None
        if batch is None:
            return
        signed, rejected = batch["tree"].size, batch["rejects"].size
        if (signed, rejected) != batch["says"]:
            self.problem("MerkleRoot", f"batch {batch['number']} has other numbers of records than it says")
        kid = batch["kid"]
        root = sha256(
            b"\x02", UUID(self.header["job"]["uid"]).bytes,
            struct.pack(">qqqqq", batch["number"], batch["first"], batch["last"], signed, rejected),
            self.keys[kid].thumbprint if kid and signed else bytes(32), batch["rejects"].root(), batch["tree"].root(),
        )
        if root != batch["root"]:
            self.problem("MerkleRoot", f"batch {batch['number']} has a root that is not the root of its lines")

    def finish(self):
        self.ranges.sort()
        for one, other in zip(self.ranges, self.ranges[1:]):
            if one[1] >= other[0]:
                self.problem("MerkleRoot", f"the batches {one[2]} and {other[2]} cover the same records")
                break
        for kid in self.order:
            if self.keys[kid].says != self.found[kid]:
                self.problem("Key", f"the key {kid} has signed {self.found[kid]} records, and not {self.keys[kid].says}")
            if not self.found[kid] and kid not in self.sealers:
                self.problem("Key", f"the key {kid} has signed nothing")
        if self.receipt is not None:
            try:
                self.compare(self.receipt)
            except (KeyError, TypeError, AttributeError) as error:
                self.problem("Receipt", f"the receipt lacks a member: {error}")

    def compare(self, receipt):
        job, records = self.header["job"], receipt["records"]
        rejects = Tree()
        for _, leaf in sorted(self.rejects):
            rejects.push(leaf)
        pairs = [
            ("uid", receipt["uid"], job["uid"]),
            ("namespace", receipt["namespace"], job["namespace"]),
            ("name", receipt["name"], job["name"]),
            ("specHash", receipt["specHash"], sha256(self.header["spec"].encode()).hex()),
            ("records.total", records["total"], self.signed + self.rejected),
            ("records.signed", records["signed"], self.signed),
            ("records.rejected", records["rejected"], self.rejected),
            ("merkleRoot", receipt["merkleRoot"], self.batches.root().hex()),
        ]
        if "rejectsRoot" in receipt:
            pairs.append(("rejectsRoot", receipt["rejectsRoot"], rejects.root().hex() if self.rejects else None))
        order = [kid for kid in self.order if self.found[kid]]
        if receipt.get("formatVersion", 1) >= 3:
            message, source = message_and_source(self.header)
            checked = {"All": self.signed, "None": 0}.get(receipt["verify"])
            pairs += [
                ("treeSize", receipt["treeSize"], self.batches.size),
                ("sealed", receipt["sealed"], self.sealed),
                ("message", receipt["message"], message),
                ("source", receipt["source"], source),
                ("signaturesChecked", receipt.get("signaturesChecked"), checked),
            ]
        if "keyTree" in receipt:
            tree = Tree()
            for kid in order:
                tree.push(sha256(b"\x04", self.keys[kid].thumbprint, struct.pack(">Q", self.found[kid])))
            pairs.append(("keyTree", receipt["keyTree"], {"size": tree.size, "root": tree.root().hex()}))
            if len(order) <= LISTED_KEYS:
                self.problem("Receipt", "the receipt has the root over few keys, which it would list")
        else:
            if receipt.get("formatVersion", 1) != 1 and len(order) > LISTED_KEYS:
                self.problem("Receipt", "the receipt lists more keys than its format does")
            found = [{"kid": kid, "signed": self.found[kid]} for kid in order]
            pairs.append(("keys", receipt["keys"], found))
        for name, says, has in pairs:
            if says != has:
                self.problem("Receipt", f"the receipt says {name} {says}, the bundle {has}")


def read(path):
    """Reads a bundle."""
    with open(path, "rb") as file:
        first = file.readline(LINE_LIMIT)
        if not first.startswith(b'{"type":"header",'):
            raise NotABundle("its first line is not a header")
        try:
            version = json.loads(first).get("bundle")
        except (ValueError, RecursionError, AttributeError):
            version = FORMATS[0]
        if isinstance(version, bool) or (version not in FORMATS and isinstance(version, int)):
            raise NotABundle(f"the format {version} is not known")
        try:
            bundle = Bundle(parse(ended(first)))
        except (Malformed, ValueError) as error:
            raise NotABundle(f"its header is not valid: {error}") from error
        number = 1
        try:
            while True:
                number += 1
                line = parse(ended(file.readline(LINE_LIMIT)))
                if line["type"] == "end":
                    bundle.close()
                    if decimal(line["lines"], UINT64) != number - 1:
                        raise Malformed(f"it says that {line['lines']} lines precede it, there are {number - 1}")
                    if file.read(1):
                        raise Malformed("lines follow the last one")
                    bundle.finish()
                    return bundle
                bundle.line(line)
        except Malformed as error:
            bundle.problem("Line", f"line {number}: {error}")
            return bundle


def ended(line):
    if not line.endswith(b"\n"):
        raise Malformed("it is cut short" if len(line) < LINE_LIMIT else "it is longer than 16 MiB")
    return line[:-1]


def named(numbers, every):
    numbers = sorted(set(numbers), key=lambda what: (isinstance(what, str), what))
    shown = numbers if every else numbers[:10]
    more = len(numbers) - len(shown)
    return ", ".join(map(str, shown)) + (f" and {more} more" if more else "")


def main():
    parser = argparse.ArgumentParser(description="Verifies a bundle of VaultStream.")
    parser.add_argument("bundle")
    parser.add_argument("--receipt-digest", metavar="HEX", help="SHA-256 of the receipt that is expected")
    parser.add_argument("--allow-changed", action="store_true", help="rows that had changed when the bundle was written are no failure")
    parser.add_argument("--all", action="store_true", help="name every record with a problem")
    args = parser.parse_args()
    expected = (args.receipt_digest or "").lower().removeprefix("sha256:")
    if args.receipt_digest is not None and not re.fullmatch(r"[0-9a-f]{64}", expected):
        parser.error("--receipt-digest: a digest has 64 hexadecimal digits")
    try:
        bundle = read(args.bundle)
    except (NotABundle, OSError) as error:
        print(f"{args.bundle} is not a bundle: {error}", file=sys.stderr)
        return 2
    digest = sha256(bundle.header["receipt"].encode()).hex()
    if args.receipt_digest is not None and digest != expected:
        bundle.problem("Receipt", f"it has the receipt sha256:{digest}; expected was sha256:{expected}")
    for kind, numbers, sentence in [
        ("WrongSignature", bundle.wrong, "wrong signatures"),
        ("Payload", bundle.payloads, "payloads that are not what was signed"),
        ("Seal", bundle.wrong_seals, "seals that their keys did not make"),
        ("RepeatedNonce", bundle.repeated, "signatures that share their nonces with others of the same key"),
        ("Changed", [] if args.allow_changed else bundle.rows, "rows that were no longer what was signed when the bundle was written"),
    ]:
        if numbers:
            things = "batches" if kind == "Seal" else "records"
            bundle.problem(kind, f"{sentence}: {len(set(numbers))}, of the {things} {named(numbers, args.all)}")
    job = bundle.header["job"]
    print("NOT VERIFIED" if bundle.problems else "VERIFIED")
    print(f"{job['namespace']!r}/{job['name']!r}, uid {job['uid']}".replace("'", ""))
    for kind, sentence in bundle.problems:
        print(f"  PROBLEM {kind}: {sentence!s}".encode("unicode_escape").decode().replace("\\\\", "\\"))
    print(f"  {bundle.signed} signed, {bundle.rejected} rejected, {bundle.batches.size} batches, {bundle.sealed} of them sealed, {len(bundle.order)} keys")
    print(f"  receipt sha256:{digest}, signed by the key {bundle.receipt_key.kid}")
    if not bundle.problems and args.receipt_digest is None:
        print("  No receipt digest was given: the bundle agrees with itself, and whoever wrote it may have made all of it.")
    return 1 if bundle.problems else 0


if __name__ == "__main__":
    sys.exit(main())
