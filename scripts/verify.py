#!/usr/bin/env python3
"""Verifies a bundle that `vaultstream export --bundle` wrote, with nothing of VaultStream: docs/formats.md is all it is made from.

    verify.py BUNDLE [--receipt-digest HEX] [--tsa-roots PEM] [--checkpoint JWS] [--allow-changed] [--all]

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
from collections import namedtuple
from datetime import datetime, timezone
from uuid import UUID

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import load_der_public_key

FORMATS = (1, 2, 3)
# The format in which records and rejects have the keys of their rows.
WITH_KEYS = 3
ROW_TEXT, ROW_BYTES, ROW_NULL = 25, 17, 2**32 - 1
RECEIPT_TYPES = {1: "vaultstream-receipt", 2: "vaultstream-receipt", 3: "vaultstream-receipt+jwt", 4: "vaultstream-receipt+jwt", 5: "vaultstream-receipt+jwt", 6: "vaultstream-receipt+jwt"}
# The format of checkpoints, and the greatest number of one.
CHECKPOINTS, LAST_NUMBER = 6, 2**53 - 1
LINE_LIMIT = 16 << 20
LISTED_KEYS = 1000
TOKENS, TOKEN_LIMIT = 5, 64 << 10
INT64 = (-(1 << 63), (1 << 63) - 1)
UINT64 = (0, (1 << 64) - 1)

# The members of each type of line, in the order in which they are written. A question mark: may be absent.
MEMBERS = {
    "header": ["type", "bundle", "job", "payloads", "spec", "receipt", "receiptKey", "tokens?"],
    "key": ["type", "ordinal", "version", "signed", "jwk", "revoked?"],
    "batch": ["type", "batch", "first", "last", "signed", "rejected", "kid?", "root", "seal?"],
    "record": ["type", "id", "key?", "digest", "signature", "payload?", "row?"],
    "reject": ["type", "id", "key?", "reason"],
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
        again = written(value)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if again.encode("utf-8", "surrogatepass") != line:
        raise Malformed("its members are not written as the format has them")
    if not isinstance(value, dict) or not isinstance(value.get("type"), str) or value["type"] not in MEMBERS:
        raise Malformed("not a line of a bundle")
    members(value, MEMBERS[value["type"]])
    return value


def written(value):
    """A value as a line has it, which for lists of texts is canonical JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


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


def read_receipt(jws, key):
    """The payload of a receipt, once its signature was checked."""
    parts = jws.split(".")
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
    if type(version) is not int or version not in RECEIPT_TYPES:
        raise Malformed(f"receipts of format {version} are not known")
    if head["typ"] != RECEIPT_TYPES[version] or ("x5c" in head and version < 3):
        raise Malformed("the receipt's header is not that of its format")
    if ("checkpoint" in receipt) != (version == CHECKPOINTS):
        raise Malformed("the receipt is a checkpoint in a format that has none, or is not the checkpoint that its format has")
    if version == CHECKPOINTS:
        check_place(receipt["checkpoint"])
    if version >= 3:
        for name in ("softwareVersion", "cluster", "message", "madeAt"):
            text(receipt[name])
        source = receipt["source"]
        of_source = 5 if "ids" in source else 4 if source["kind"] == "Rows" or "json" in source else 3
        fits = source.get("ids") == "Ordinals" if version == CHECKPOINTS else of_source == version
        if not fits:
            raise Malformed("the receipt's source is not one of its format")
    for name in ("verify", "startedAt", "completedAt"):
        text(receipt[name])
    return receipt


def check_place(place):
    """What a checkpoint says of its place among those of its job: one form only."""
    if not isinstance(place, dict) or set(place) - {"previous", "last"} != {"number"}:
        raise Malformed("the checkpoint has other members than those of one")
    if type(place["number"]) is not int or not 1 <= place["number"] <= LAST_NUMBER:
        raise Malformed("the number of the checkpoint is not one from 1 to 2^53 - 1")
    if (place["number"] == 1) == ("previous" in place):
        raise Malformed("the first checkpoint names none before it, and each other one does")
    if "previous" in place:
        hexadecimal(place["previous"])
    if place.get("last", True) is not True:
        raise Malformed("the last checkpoint says so by true, others say nothing")


def told_place(place):
    """Which checkpoint it is."""
    return f"checkpoint {place['number']} " + ("(the last checkpoint)" if "last" in place else "(the job goes on)")


def certificates(chain):
    if not isinstance(chain, list) or not chain:
        raise Malformed("the receipt's certificates are no list")
    for certificate in chain:
        if not base64.b64decode(text(certificate).encode("ascii"), validate=True):
            raise Malformed("a certificate of the receipt is empty")


def message_and_source(header, said):
    """What the spec says of both, as a receipt of format 3 has it; neither when it is no spec. What it leaves open is as the receipt's source."""
    try:
        spec = json.loads(header["spec"])
        return spec.get("signing", {}).get("message", "Payload"), signed_source(spec["source"], said)
    except (Malformed, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None, None


def signed_source(source, said):
    """Where the records come from."""
    if "generate" in source:
        return {"kind": "Generated"}
    table = source["table"]
    told = {"schema": text(table["schema"]), "table": text(table["name"]), **key_and_ids(table, said)}
    if "json" in table:
        told["json"] = text(table["json"])
    if "columns" in table:
        return {"kind": "Rows", "columns": names(table["columns"]), **told}
    return {"kind": "Table", "payloadColumn": text(table["payload"]), **told}


def key_and_ids(table, said):
    """The key's columns, and what ids are. The receipt alone knows the primary key that a spec does not name, and whether rows got ordinals."""
    if "key" in table:
        told, known = {"keyColumns": [text(table["key"])]}, [None, "Ordinals"]
    else:
        told, known = {"keyColumns": names((table if "keyColumns" in table else said)["keyColumns"])}, ["Keys", "Ordinals"]
    if "ids" in said:
        told["ids"] = text(said["ids"])
    count, are_ordinals = len(told["keyColumns"]), told.get("ids") == "Ordinals"
    fit = count > 0 if are_ordinals else count == 1
    if told.get("ids") not in known or not fit or ("key" in table and "keyColumns" in table):
        raise Malformed("the receipt says another key, or other ids, than the spec")
    return told


def names(texts):
    """A list of texts."""
    if not isinstance(texts, list):
        raise Malformed("what is a list of texts is none")
    return [text(one) for one in texts]


def row_form(header):
    """Whether a payload is a row of the job's columns, as a function; None where payloads are of one column."""
    spec = json.loads(header["spec"])
    source = spec.get("source") if isinstance(spec, dict) else None
    table = source.get("table") if isinstance(source, dict) else None
    if not isinstance(table, dict) or "columns" not in table:
        return None
    columns = [name.encode() for name in names(table["columns"])]
    prefix = b"vaultstream/row/v1\0" + UUID(header["job"]["uid"]).bytes + struct.pack(">I", len(columns))
    prefix += b"".join(struct.pack(">I", len(name)) + name for name in columns)

    def is_row(payload):
        at = len(prefix) + 4
        if not payload.startswith(prefix) or payload[len(prefix) : at] != struct.pack(">I", len(columns)):
            return False
        for _ in columns:
            if len(payload) < at + 8:
                return False
            kind, length = struct.unpack_from(">II", payload, at)
            if kind not in (ROW_TEXT, ROW_BYTES):
                return False
            at += 8 + (0 if length == ROW_NULL else length)
        return at == len(payload)

    return is_row


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


# Timestamp tokens: RFC 3161, in signed data by RFC 5652, with certificates by RFC 5280; all of it in DER (X.690)

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OID, UTC_TIME, GENERALIZED_TIME = 0x01, 0x02, 0x03, 0x04, 0x06, 0x17, 0x18
SEQUENCE, SET, CONTEXT_0, CONTEXT_1, CONTEXT_3 = 0x30, 0x31, 0xA0, 0xA1, 0xA3
# The universal types that certificates and signed data have. Other classes have any number below 31.
UNIVERSAL = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x09, 0x0A, 0x0C, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x1A, 0x1E, 0x30, 0x31}

Value = namedtuple("Value", ["tag", "content", "whole"])


class BadToken(Exception):
    """What is wrong with a token."""


class NotDer(BadToken):
    """Bytes that have not the form of a token, or of a certificate."""

    def __init__(self):
        super().__init__("it is not a timestamp token in DER")


class Der:
    """Values that stand one after the other."""

    def __init__(self, data):
        self.values, at = [], 0
        while at < len(data):
            start, tag = at, data[at]
            if tag & 0x1F == 0x1F or (tag < 0x40 and tag not in UNIVERSAL):
                raise NotDer
            length, at = der_length(data, at + 1)
            if length > len(data) - at:
                raise NotDer
            at += length
            self.values.append(Value(tag, data[at - length:at], data[start:at]))
        self.values.reverse()

    def take(self, tag=None):
        """The next value, which has to have this tag."""
        if not self.values or tag not in (None, self.values[-1].tag):
            raise NotDer
        return self.values.pop()

    def maybe(self, tag=None):
        return self.take(tag) if self.values and tag in (None, self.values[-1].tag) else None

    def end(self):
        if self.values:
            raise NotDer

    def inside(self, tag):
        """The values in the next one."""
        return Der(self.take(tag).content)

    def only(self, tag=None):
        """The only value."""
        value = self.take(tag)
        self.end()
        return value

    def number(self):
        """A number from 0 to 255."""
        content = integer(self.take(INTEGER).content)
        value = int.from_bytes(content, "big", signed=True)
        if not 0 <= value <= 255:
            raise NotDer
        return value

    def flag(self):
        """A flag that may be absent."""
        value = self.maybe(BOOLEAN)
        if value and value.content not in (b"\x00", b"\xff"):
            raise NotDer
        return bool(value) and value.content == b"\xff"

    def oid(self):
        """The content of an object identifier."""
        content = self.take(OID).content
        if not 3 <= len(content) <= 39 or content[0] >= 120 or content[-1] & 0x80:
            raise NotDer
        for arc in re.findall(rb"[\x80-\xff]*[\x00-\x7f]", content[1:], re.DOTALL):
            if len(arc) > 5 or (len(arc) == 5 and arc[4] & 0xF0):
                raise NotDer
        return content

    def algorithm(self):
        """An AlgorithmIdentifier: the object identifier, and all of its content."""
        value = self.take(SEQUENCE)
        inside = Der(value.content)
        name = inside.oid()
        inside.maybe()
        inside.end()
        return name, value.content

    def set_of(self):
        """All values, each of which stands there once."""
        values = self.values[::-1]
        if len({value.whole for value in values}) != len(values):
            raise NotDer
        return values


def der_length(data, at):
    """A length, and where what it is the length of begins."""
    first = data[at] if at < len(data) else 0x80
    if first < 0x80:
        return first, at + 1
    count, at = first - 0x80, at + 1
    length = int.from_bytes(data[at:at + count], "big")
    # As short as it can be: at most 4 bytes, and none where one byte does.
    if not 1 <= count <= 4 or at + count > len(data) or length < 0x80 or length < 1 << 8 * (count - 1):
        raise NotDer
    return length, at + count


def integer(content):
    if not content or (len(content) > 1 and (content[0], content[1] >= 0x80) in ((0x00, False), (0xFF, True))):
        raise NotDer
    return content


def oid(dotted):
    """The content of an object identifier."""
    first, second, *arcs = map(int, dotted.split("."))
    out = [40 * first + second]
    for arc in arcs:
        sevens = [arc & 0x7F]
        while arc := arc >> 7:
            sevens.append(0x80 | arc & 0x7F)
        out += sevens[::-1]
    return bytes(out)


SIGNED_DATA, TST_INFO = oid("1.2.840.113549.1.7.2"), oid("1.2.840.113549.1.9.16.1.4")
CONTENT_TYPE, MESSAGE_DIGEST = oid("1.2.840.113549.1.9.3"), oid("1.2.840.113549.1.9.4")
SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2 = oid("1.2.840.113549.1.9.16.2.12"), oid("1.2.840.113549.1.9.16.2.47")
OID_SHA1, OID_SHA256 = oid("1.3.14.3.2.26"), oid("2.16.840.1.101.3.4.2.1")
HASHES = {oid(f"2.16.840.1.101.3.4.2.{number}"): kind for number, kind in ((1, SHA256), (2, SHA384), (3, SHA512))}
RSA, ED25519 = oid("1.2.840.113549.1.1.1"), oid("1.3.101.112")
RSA_HASHES = {oid(f"1.2.840.113549.1.1.{number}"): kind for number, kind in ((11, SHA256), (12, SHA384), (13, SHA512))}
ECDSA_HASHES = {oid(f"1.2.840.10045.4.3.{number}"): kind for number, kind in ((2, SHA256), (3, SHA384), (4, SHA512))}
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
# RSASSA-PSS with one hash for all, and salts as long as it.
PSS_HASHES = {
    bytes.fromhex(f"06092a864886f70d01010a3034a00f300d06096086480165030402{hash}0500a11c301a06092a864886f70d010108300d0609608648016503040"
                  f"2{hash}0500a2030201{salt}"): kind
    for hash, salt, kind in (("01", "20", SHA256), ("02", "30", SHA384), ("03", "40", SHA512))
}
KEY_IDENTIFIER, KEY_USAGE, ALTERNATIVE_NAME, BASIC_CONSTRAINTS = (oid(f"2.5.29.{number}") for number in (14, 15, 17, 19))
NAME_CONSTRAINTS, DISTRIBUTION_POINTS, EXTENDED_KEY_USAGE = (oid(f"2.5.29.{number}") for number in (30, 31, 37))
TIME_STAMPING = oid("1.3.6.1.5.5.7.3.8")
NAMES = {oid("2.5.4.3"): "CN", oid("2.5.4.6"): "C", oid("2.5.4.7"): "L", oid("2.5.4.8"): "ST", oid("2.5.4.10"): "O", oid("2.5.4.11"): "OU"}


def digest_of(algorithm, data):
    if algorithm not in HASHES:
        raise BadToken("it has an algorithm that is not supported")
    return hashlib.new(HASHES[algorithm].name, data).digest()


def signature_is_right(spki, algorithm, digest, message, signature):
    """Whether a signature by this AlgorithmIdentifier is that of the key; `digest` is the algorithm of the signer's digests."""
    name, content = algorithm
    parameters = content[2 + len(name):]
    unsupported = BadToken("it has an algorithm that is not supported")
    try:
        key_type = Der(Der(spki).only(SEQUENCE).content).algorithm()[0]
        key = load_der_public_key(spki)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise unsupported from error
    try:
        if isinstance(key, rsa.RSAPublicKey) and key_type == RSA and 2048 <= key.key_size <= 8192:
            if content in PSS_HASHES:
                kind = PSS_HASHES[content]()
                key.verify(signature, message, padding.PSS(padding.MGF1(kind), kind.digest_size), kind)
            elif name in RSA_HASHES and parameters in (b"", b"\x05\x00"):
                key.verify(signature, message, padding.PKCS1v15(), RSA_HASHES[name]())
            elif name == RSA and digest in HASHES:
                key.verify(signature, message, padding.PKCS1v15(), HASHES[digest]())
            else:
                raise unsupported
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, CURVES) and name in ECDSA_HASHES and not parameters:
            key.verify(signature, message, ec.ECDSA(ECDSA_HASHES[name]()))
        elif isinstance(key, ed25519.Ed25519PublicKey) and content == b"\x06\x03" + ED25519:
            key.verify(signature, message)
        else:
            raise unsupported
        return True
    except (InvalidSignature, ValueError):
        return False
    except UnsupportedAlgorithm as error:
        raise unsupported from error


def moment(value):
    """A time of a certificate."""
    form = {UTC_TIME: r"[0-9]{12}Z", GENERALIZED_TIME: r"[0-9]{14}Z"}.get(value.tag)
    digits = value.content.decode("ascii", "replace")
    if form is None or not re.fullmatch(form, digits):
        raise NotDer
    if value.tag == UTC_TIME:
        digits = ("19" if digits >= "50" else "20") + digits
    return seconds(digits[:14])


def seconds(digits):
    """Since 1970."""
    try:
        since = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc).timestamp()
    except ValueError as error:
        raise NotDer from error
    if since < 0:
        raise NotDer
    return since


class Certificate:
    """A certificate, as far as it is read here."""

    def __init__(self, data):
        outer = Der(Der(data).only(SEQUENCE).content)
        signed, self.algorithm = outer.take(SEQUENCE), outer.algorithm()
        bits = outer.only(BIT_STRING).content
        self.data, self.signed, self.signature = data, signed.whole, bits[1:]
        inside = Der(signed.content)
        version = inside.maybe(CONTEXT_0)
        self.is_version_3 = version is not None and version.content == b"\x02\x01\x02"
        serial = inside.take(INTEGER)
        integer(serial.content)
        if bits[:1] != b"\0" or inside.algorithm() != self.algorithm:
            raise NotDer
        self.issuer = inside.take(SEQUENCE).whole
        self.number = self.issuer + serial.whole
        validity = inside.inside(SEQUENCE)
        self.begin, self.end = moment(validity.take()), moment(validity.take())
        validity.end()
        self.subject, self.key = inside.take(SEQUENCE).whole, inside.take(SEQUENCE).whole
        self.extensions = {}
        extensions = inside.maybe(CONTEXT_3)
        inside.end()
        for value in Der(Der(extensions.content).only(SEQUENCE).content).values if extensions else ():
            extension = Der(value.content if value.tag == SEQUENCE else b"")
            name, critical, content = extension.oid(), extension.flag(), extension.only(OCTET_STRING).content
            if name in self.extensions:
                raise NotDer
            self.extensions[name] = (critical, content)

    def is_understood(self):
        """Whether nothing in it says that it must be understood, and is not."""
        known = (KEY_USAGE, ALTERNATIVE_NAME, BASIC_CONSTRAINTS, NAME_CONSTRAINTS, DISTRIBUTION_POINTS, EXTENDED_KEY_USAGE)
        return self.is_version_3 and not any(critical and name not in known for name, (critical, _) in self.extensions.items())

    def is_named_by(self, identifier):
        """Whether a signer's identifier is this one's: issuer and number, or the identifier of its key."""
        if identifier.tag == SEQUENCE:
            return identifier.content == self.number
        key = self.extensions.get(KEY_IDENTIFIER)
        return identifier.tag == 0x80 and key is not None and Der(key[1]).only(OCTET_STRING).content == identifier.content

    def purposes(self):
        """What it is for; none when it does not say."""
        if EXTENDED_KEY_USAGE not in self.extensions:
            return None
        purposes = Der(Der(self.extensions[EXTENDED_KEY_USAGE][1]).only(SEQUENCE).content)
        return [Der(value.whole).oid() for value in purposes.values]

    def is_for_timestamps(self):
        """Whether it is for timestamps and nothing else (RFC 3161, 2.3), and its key may sign."""
        usage = self.extensions.get(KEY_USAGE)
        if usage is not None:
            bits = Der(usage[1]).only(BIT_STRING).content
            if len(bits) < 2 or not bits[1] & 0xC0:
                return False
        return self.purposes() == [TIME_STAMPING] and self.extensions[EXTENDED_KEY_USAGE][0]

    def authority(self):
        """How many authorities may follow it on the way to a token, if it is one; None if it is none."""
        if BASIC_CONSTRAINTS not in self.extensions:
            return None
        constraints = Der(Der(self.extensions[BASIC_CONSTRAINTS][1]).only(SEQUENCE).content)
        is_authority = constraints.flag()
        limit = constraints.number() if constraints.values else 255
        constraints.end()
        return limit if is_authority else None

    def may_sign(self, time):
        """Whether it was that of an authority's customer at that time."""
        return self.authority() is None and NAME_CONSTRAINTS not in self.extensions and self.begin <= time <= self.end

    def may_issue(self, time, authorities):
        """Whether it was an authority at that time. `authorities` is the number of other authorities between it and the token."""
        limit, purposes = self.authority(), self.purposes()
        return (
            self.is_understood() and NAME_CONSTRAINTS not in self.extensions and self.begin <= time <= self.end
            and limit is not None and authorities <= limit and (purposes is None or TIME_STAMPING in purposes)
        )

    def name(self):
        """The name of whom it is for."""
        parts = []
        for relative in Der(Der(self.subject).only(SEQUENCE).content).values:
            for attribute in Der(relative.content).values:
                pair = Der(attribute.content)
                kind, value = pair.oid(), pair.only()
                parts.append(f"{NAMES.get(kind, kind.hex())}={value.content.decode('utf-8', 'replace')}")
        return ",".join(parts)


class Token:
    """A timestamp token over a receipt. Whether its certificate is believed, is_believed says."""

    def __init__(self, data, receipt):
        outer = Der(Der(data).only(SEQUENCE).content)
        if outer.oid() != SIGNED_DATA:
            raise BadToken("what it signs is not a timestamp")
        signed = Der(Der(outer.only(CONTEXT_0).content).only(SEQUENCE).content)
        signed.number()
        algorithms = [Der(value.whole).algorithm()[0] for value in signed.inside(SET).set_of()]
        encapsulated = signed.inside(SEQUENCE)
        kind, content = encapsulated.oid(), encapsulated.maybe(CONTEXT_0)
        encapsulated.end()
        if kind != TST_INFO or content is None:
            raise BadToken("what it signs is not a timestamp")
        content = Der(content.content).only(OCTET_STRING).content
        certificates, revoked = signed.maybe(CONTEXT_0), signed.maybe(CONTEXT_1)
        certificates, _ = (Der(values.content).set_of() if values else [] for values in (certificates, revoked))
        signers = signed.inside(SET).set_of()
        signed.end()
        self.read_content(content)
        if len(signers) != 1:
            raise BadToken(f"it has {len(signers)} signatures, and a token has one")
        self.read_signer(signers[0], content, algorithms, [value.whole for value in certificates if value.tag == SEQUENCE])
        if self.imprint != (OID_SHA256, sha256(receipt)):
            raise BadToken("it is over another digest than SHA-256 of this receipt")

    def read_content(self, content):
        """What is signed: a TSTInfo."""
        info = Der(Der(content).only(SEQUENCE).content)
        version = info.number()
        info.oid()
        imprint = info.inside(SEQUENCE)
        self.imprint = (imprint.algorithm()[0], imprint.only(OCTET_STRING).content)
        integer(info.take(INTEGER).content)
        time = info.take().whole
        accuracy = info.maybe(SEQUENCE)
        if accuracy is not None:
            parts = Der(accuracy.content)
            for part in [parts.maybe(tag) for tag in (INTEGER, 0x80, 0x81)]:
                integer(part.content if part else b"\0")
            parts.end()
        info.flag()
        nonce, tsa, extensions = info.maybe(INTEGER), info.maybe(CONTEXT_0), info.maybe(CONTEXT_1)
        info.end()
        integer(nonce.content if nonce else b"\0")
        if tsa is not None:
            Der(tsa.content).only()
        critical = False
        for value in Der(extensions.content).values if extensions else ():
            extension = Der(value.content if value.tag == SEQUENCE else b"")
            extension.oid()
            critical |= extension.flag()
            extension.only(OCTET_STRING)
        match = re.fullmatch(rb"\x18.([0-9]{14})(\.[0-9]{0,8}[1-9])?Z", time, re.DOTALL)
        if version != 1 or match is None:
            raise BadToken("what it signs is not a timestamp")
        if critical:
            raise BadToken("it has an unknown extension that is critical")
        digits, fraction = match[1].decode(), (match[2] or b"").decode()
        self.time = seconds(digits)
        self.told = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:14]}{fraction}Z"

    def read_signer(self, value, content, algorithms, certificates):
        """Its one signature, which covers the hash of the certificate (RFC 5816)."""
        signer = Der(value.content if value.tag == SEQUENCE else b"")
        signer.number()
        identifier = signer.take()
        digest, attributes = signer.algorithm()[0], signer.maybe(CONTEXT_0)
        algorithm, signature, unsigned = signer.algorithm(), signer.take(OCTET_STRING).content, signer.maybe(CONTEXT_1)
        signer.end()
        if unsigned is not None:
            read_attributes(unsigned)
        if attributes is None:
            raise BadToken("it has no signed attributes")
        if digest not in algorithms:
            raise BadToken("it has an algorithm that is not supported")
        named = read_attributes(attributes)
        if attribute(named, CONTENT_TYPE, "contentType").oid() != TST_INFO:
            raise BadToken("what it signs is not a timestamp")
        if attribute(named, MESSAGE_DIGEST, "messageDigest").only(OCTET_STRING).content != digest_of(digest, content):
            raise BadToken("the digest that it signs is not that of its content")
        hash_algorithm, wanted = certificate_hash(named)
        of = (lambda data: hashlib.sha1(data).digest()) if hash_algorithm == OID_SHA1 else (lambda data: digest_of(hash_algorithm, data))
        signers = [data for data in certificates if of(data) == wanted]
        if not signers:
            raise BadToken("the certificate that signed it is not in it")
        self.certificate = Certificate(signers[0])
        self.others = [data for data in certificates if data != signers[0]]
        # As a SET OF, not under the tag that it has in the token (RFC 5652, 5.4).
        message = b"\x31" + attributes.whole[1:len(attributes.whole) - len(attributes.content)]
        message += b"".join(sorted(attribute.whole for attribute in Der(attributes.content).values))
        if not self.certificate.is_named_by(identifier):
            raise BadToken("it names another certificate than the one that signed it")
        if not self.certificate.is_understood() or not self.certificate.is_for_timestamps():
            raise BadToken("the certificate that signed it is not for timestamps alone")
        self.signer = self.certificate.name()
        if not signature_is_right(self.certificate.key, algorithm, digest, message, signature):
            raise BadToken("its signature is wrong")

    def is_believed(self, roots):
        """Whether a root has issued its certificate, directly or over others in the token, each valid at its time."""
        others = []
        if not is_sound(lambda: self.certificate.may_sign(self.time)):
            return False
        for data in self.others:
            try:
                others.append(Certificate(data))
            except BadToken:
                continue
        # A token with many certificates of one name asks for no more than this.
        self.checks = 100
        return self.leads([self.certificate], others, roots)

    def leads(self, path, others, roots):
        head = path[-1]
        if any(root.subject == head.issuer and self.has_issued(root, head) for root in roots):
            return True
        for issuer in others:
            if issuer.subject != head.issuer or issuer in path or len(path) > 6:
                continue
            if is_sound(lambda: issuer.may_issue(self.time, len(path) - 1)) and self.has_issued(issuer, head):
                if self.leads([*path, issuer], others, roots):
                    return True
        return False

    def has_issued(self, issuer, certificate):
        self.checks -= 1
        right = lambda: signature_is_right(issuer.key, certificate.algorithm, None, certificate.signed, certificate.signature)
        return self.checks >= 0 and is_sound(right)


def is_sound(check):
    """Whether a check holds; it does not for a certificate that cannot be read."""
    try:
        return check()
    except BadToken:
        return False


def read_attributes(value):
    """The values of each attribute, by its object identifier."""
    named = {}
    for attribute in Der(value.content).set_of():
        inside = Der(attribute.content if attribute.tag == SEQUENCE else b"")
        name, values = inside.oid(), Der(inside.only(SET).content).set_of()
        named.setdefault(name, []).append(values)
    return named


def attribute(named, name, title):
    """The only value of the only attribute of this kind."""
    found = named.get(name, [])
    if len(found) != 1 or len(found[0]) != 1:
        raise BadToken(f"its signed attribute {title} is missing, doubled or damaged")
    return Der(found[0][0].whole)


def certificate_hash(named):
    """The hash by which the signed attributes name the certificate that signs, and its algorithm."""
    is_second = SIGNING_CERTIFICATE_V2 in named
    names = Der(attribute(named, SIGNING_CERTIFICATE_V2 if is_second else SIGNING_CERTIFICATE, "signingCertificate").only(SEQUENCE).content)
    certificates = names.inside(SEQUENCE).values[::-1]
    names.maybe()
    names.end()
    hashes = []
    for value in certificates:
        inside = Der(value.content if value.tag == SEQUENCE else b"")
        algorithm = inside.algorithm()[0] if is_second and inside.values and inside.values[-1].tag == SEQUENCE else OID_SHA256
        hashes.append((algorithm if is_second else OID_SHA1, inside.take(OCTET_STRING).content))
        inside.maybe()
        inside.end()
    if not hashes:
        raise BadToken("its signed attribute signingCertificate is missing, doubled or damaged")
    return hashes[0]


def read_roots(path):
    """The certificates of a file in PEM."""
    with open(path, "rb") as file:
        found = re.findall(rb"-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----", file.read())
    if not found:
        raise ValueError("it contains no certificate")
    try:
        return [Certificate(base64.b64decode(b"".join(text.split()), validate=True)) for text in found]
    except (ValueError, BadToken) as error:
        raise ValueError("it contains a certificate that cannot be read") from error


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
        self.row_keys, self.repeated_keys, self.key_length = {}, [], None
        self.receipt, self.prefix, self.is_row, self.form_known = None, None, None, False
        self.tokens, self.is_read = [], False
        self.earlier, self.found_root = None, None
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
        text(header["spec"]), text(header["receipt"]), small(header["bundle"])
        self.receipt_key = Key(header["receiptKey"])
        tokens = read_tokens(header)
        self.digest = sha256(header["receipt"].encode()).hex()
        try:
            self.receipt = read_receipt(header["receipt"], self.receipt_key)
            self.read_ids()
        except (Malformed, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self.problem("Receipt", f"the receipt is not valid: {error}")
        try:
            self.prefix, self.is_row = message_form(header), row_form(header)
            self.form_known = True
        except (Malformed, ValueError, RecursionError) as error:
            self.problem("Receipt", f"the spec says not what was signed: {error}")
        for number, token in enumerate(tokens, 1):
            try:
                self.tokens.append((number, Token(token, header["receipt"].encode())))
            except BadToken as error:
                self.problem("Anchor", f"line 1: token {number}: {error}")

    def read_ids(self):
        """What keys of rows there are, by the receipt."""
        source = self.receipt["source"] if self.receipt.get("formatVersion", 1) >= 3 else {}
        if (source.get("ids") == "Ordinals") != (self.header["bundle"] == WITH_KEYS):
            self.problem("Receipt", "the receipt says that ids are ordinals and the bundle has no keys of rows, or the other way round")
        if "keyColumns" in source:
            self.key_length = len(names(source["keyColumns"]))

    def believe(self, roots):
        """Checks that these roots have issued the certificates of the tokens."""
        if not self.header.get("tokens"):
            self.problem("Anchor", "it has no token of a timestamping authority, and --tsa-roots asks for one")
        for number, token in self.tokens:
            if not token.is_believed(roots):
                self.problem("Anchor", f"line 1: token {number}: no root that is believed has issued its certificate, valid at its time")

    def extend(self, jws):
        """Takes an earlier checkpoint of the job, which the bundle has to extend."""
        try:
            earlier = read_receipt(jws, self.receipt_key)
            if "checkpoint" not in earlier:
                raise Malformed("it is the receipt of a finished job")
            size = earlier["treeSize"]
            if type(size) is not int or size < 0:
                raise Malformed("it does not say how many batches it covers")
            hexadecimal(earlier["merkleRoot"])
        except (Malformed, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self.problem("Receipt", f"the earlier checkpoint is not one that the bundle's receipt key signed: {error}")
            return
        self.earlier = earlier
        self.see()
        if self.receipt is None:
            return
        if "checkpoint" not in self.receipt:
            self.problem("Receipt", "the bundle's receipt is no checkpoint, and so extends none")
            return
        before, place = earlier["checkpoint"], self.receipt["checkpoint"]
        if earlier.get("uid") != self.receipt.get("uid"):
            self.problem("Receipt", "the earlier checkpoint is one of another job")
        if before["number"] >= place["number"]:
            self.problem("Receipt", f"the earlier checkpoint has the number {before['number']}, and the bundle's, {place['number']}, is no later one")
        if "last" in before:
            self.problem("Receipt", "the earlier checkpoint is the last one of its job, and none follows it")
        if before["number"] + 1 == place["number"] and place["previous"] != sha256(jws.encode()).hex():
            self.problem("Receipt", "the bundle's checkpoint names another one before it than the earlier checkpoint")

    def see(self):
        """Notes the root over as many batches as the earlier checkpoint covers."""
        if self.earlier is not None and self.batches.size == self.earlier["treeSize"]:
            self.found_root = self.batches.root().hex()

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
        self.see()
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
        key = self.row_key(line, number)
        self.batch["tree"].push(sha256(b"\5" if key else b"\0", struct.pack(">q", number), key, digest, signature))
        self.payload(line, number, digest)
        self.signed += 1
        self.found[kid] += 1
        if not self.keys[kid].signed(digest, signature):
            self.wrong.append(number)
        self.nonce(kid, signature, number)

    def row_key(self, line, number):
        """What a leaf has of the key of a row: its hash, and nothing where ids are no ordinals."""
        if ("key" in line) != (self.header["bundle"] == WITH_KEYS):
            raise Malformed("the key of a row where none belongs, or a record without it")
        if "key" not in line:
            return b""
        if self.key_length not in (None, len(names(line["key"]))):
            raise Malformed("a key of another number of columns than the receipt names")
        key = sha256(written(line["key"]).encode())
        first = self.row_keys.setdefault(key, number)
        if first != number:
            self.repeated_keys.extend([first, number])
        return key

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
            if self.form_known and (self.is_row and not self.is_row(payload) or sha256(prefix, payload) != digest):
                self.payloads.append(number)

    def reject(self, line):
        number = self.take_id(line["id"])
        key = self.row_key(line, number)
        leaf = sha256(b"\6" if key else b"\3", struct.pack(">q", number), key, text(line["reason"]).encode())
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
        if self.earlier is not None:
            covers = self.earlier["treeSize"]
            if self.found_root is None:
                self.problem("Receipt", f"the earlier checkpoint covers {covers} batches, the bundle has {self.batches.size}")
            elif self.found_root != self.earlier["merkleRoot"]:
                self.problem("Receipt", f"the first {covers} batches are not those of the earlier checkpoint")
        if self.receipt is not None:
            try:
                self.compare(self.receipt)
            except (KeyError, TypeError, AttributeError) as error:
                self.problem("Receipt", f"the receipt lacks a member: {error}")

    def compare(self, receipt):
        job, records = self.header["job"], receipt["records"]
        rejects, grow = Tree(), receipt.get("formatVersion", 1) == CHECKPOINTS
        for _, leaf in self.rejects if grow else sorted(self.rejects):
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
        if "rejectsRoot" in receipt or grow:
            pairs.append(("rejectsRoot", receipt.get("rejectsRoot"), rejects.root().hex() if self.rejects else None))
        order = [kid for kid in self.order if self.found[kid]]
        if receipt.get("formatVersion", 1) >= 3:
            message, source = message_and_source(self.header, receipt["source"])
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


def read_tokens(header):
    """The tokens over the receipt."""
    if "tokens" not in header:
        return []
    if header["bundle"] == 1:
        raise Malformed("tokens in a bundle of format 1")
    if not isinstance(header["tokens"], list) or not 1 <= len(header["tokens"]) <= TOKENS:
        raise Malformed(f"its tokens are no list of 1 to {TOKENS}")
    tokens = [base64url(token) for token in header["tokens"]]
    for number, token in enumerate(tokens, 1):
        if len(token) > TOKEN_LIMIT:
            raise Malformed(f"token {number} is longer than {TOKEN_LIMIT >> 10} KiB")
    return tokens


def read(path, expected=None, earlier=None):
    """Reads a bundle, unless its receipt is another one than is expected. It has to extend an earlier checkpoint, if there is one."""
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
        if expected is not None and bundle.digest != expected:
            bundle.problem("Receipt", f"it has the receipt sha256:{bundle.digest}; expected was sha256:{expected}")
            return bundle
        bundle.is_read = True
        if earlier is not None:
            bundle.extend(earlier.strip())
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


def told(number, token, roots):
    """What a token says."""
    if roots is None:
        who = f"signed by {token.signer}; who issued that certificate was not checked: --tsa-roots names whom you believe"
        return f"token {number} says that the receipt existed before {token.told}, {who}"
    if token.is_believed(roots):
        return f"the receipt existed before {token.told}, says {token.signer}"
    return f"token {number} proves nothing"


def main():
    parser = argparse.ArgumentParser(description="Verifies a bundle of VaultStream.")
    parser.add_argument("bundle")
    parser.add_argument("--receipt-digest", metavar="HEX", help="SHA-256 of the receipt that is expected")
    parser.add_argument("--tsa-roots", metavar="PEM", help="root certificates of the timestamping authorities that you believe")
    parser.add_argument("--checkpoint", metavar="JWS", help="a file with an earlier checkpoint of the job, which the bundle has to extend")
    parser.add_argument("--allow-changed", action="store_true", help="rows that had changed when the bundle was written are no failure")
    parser.add_argument("--all", action="store_true", help="name every record with a problem")
    args = parser.parse_args()
    expected = (args.receipt_digest or "").lower().removeprefix("sha256:")
    if args.receipt_digest is not None and not re.fullmatch(r"[0-9a-f]{64}", expected):
        parser.error("--receipt-digest: a digest has 64 hexadecimal digits")
    roots = None
    if args.tsa_roots is not None:
        try:
            roots = read_roots(args.tsa_roots)
        except (OSError, ValueError) as error:
            parser.error(f"--tsa-roots {args.tsa_roots}: {error}")
    earlier = None
    if args.checkpoint is not None:
        try:
            with open(args.checkpoint, encoding="utf-8", errors="replace") as file:
                earlier = file.read()
        except OSError as error:
            parser.error(f"--checkpoint {args.checkpoint}: {error}")
    try:
        bundle = read(args.bundle, expected or None, earlier)
    except (NotABundle, OSError) as error:
        print(f"{args.bundle} is not a bundle: {error}", file=sys.stderr)
        return 2
    if roots is not None and bundle.is_read:
        bundle.believe(roots)
    for kind, numbers, sentence in [
        ("WrongSignature", bundle.wrong, "wrong signatures"),
        ("Payload", bundle.payloads, "payloads that are not what was signed"),
        ("Seal", bundle.wrong_seals, "seals that their keys did not make"),
        ("RepeatedNonce", bundle.repeated, "signatures that share their nonces with others of the same key"),
        ("Line", bundle.repeated_keys, "keys of rows that others have, too"),
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
    if bundle.is_read:
        print(f"  {bundle.signed} signed, {bundle.rejected} rejected, {bundle.batches.size} batches, {bundle.sealed} of them sealed, {len(bundle.order)} keys")
    if bundle.receipt is not None and "checkpoint" in bundle.receipt:
        print(f"  {told_place(bundle.receipt['checkpoint'])}")
    if bundle.earlier is not None and not bundle.problems:
        print(f"  it extends checkpoint {bundle.earlier['checkpoint']['number']}: its first {bundle.earlier['treeSize']} batches are the same")
    print(f"  receipt sha256:{bundle.digest}, signed by the key {bundle.receipt_key.kid}")
    for number, token in bundle.tokens if bundle.is_read else ():
        print(f"  {told(number, token, roots)}".encode("unicode_escape").decode())
    if not bundle.problems and args.receipt_digest is None:
        print("  No receipt digest was given: the bundle agrees with itself, and whoever wrote it may have made all of it.")
    return 1 if bundle.problems else 0


if __name__ == "__main__":
    sys.exit(main())
