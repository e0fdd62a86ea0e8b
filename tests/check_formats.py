"""Makes the bundles of docs/vectors that are verified anew from what they say, by the tables of docs/formats.md and nothing else: members and
their order, messages, rows, keys and what ids are, leaves, roots, seals, checkpoints and their chain. Fails where a vector differs from the tables, and where no vector has what a table has."""

import base64
import hashlib
import json
import pathlib
import re
import struct
import sys
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

DOCS = pathlib.Path(__file__).parent.parent / "docs"
JOIN = " ‖ "
# Kinds of members, as their table names them.
KINDS = {
    "number64": lambda value: re.fullmatch(r"0|-?[1-9]\d*", value),
    "hash": lambda value: re.fullmatch("[0-9a-f]{64}", value),
    "bytes": lambda value: re.fullmatch("[A-Za-z0-9_-]*", value),
    "texts": lambda value: isinstance(value, list) and all(isinstance(text, str) for text in value),
    "key": lambda value: list(value) == ["kty", "crv", "x", "y", "kid", "alg", "use"],
}


def tables(text):
    """The rows of each table, by its section and the title of its first column."""
    found, section, rows = {}, None, None
    for line in text.splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ")
        if not line.startswith("| "):
            rows = None
        elif rows is None:
            rows = found[section, line.split(" | ")[0].strip("| `")] = []
        elif not line.startswith("| ---"):
            rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


FORMATS = (DOCS / "formats.md").read_text()
TABLES = tables(FORMATS)
used = set()


def fail(sentence):
    sys.exit(sentence)


def base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def evaluate(formula, terms):
    """The bytes of a formula: literals, terms, and numbers as BE8, joined; within SHA-256(…) their hash."""
    hashed = re.fullmatch(r"SHA-256\((.*)\)", formula)
    out = b""
    for part in (hashed[1] if hashed else formula).split(JOIN):
        literals = re.fullmatch(r'((?:"[^"]*"|0x[0-9a-f]{2})(?: (?:"[^"]*"|0x[0-9a-f]{2}))*)', part)
        if literals:
            for text, byte in re.findall(r'"([^"]*)"|0x([0-9a-f]{2})', part):
                out += text.encode() if text else bytes.fromhex(byte)
        elif part.endswith(" BE8"):
            number = terms[part.removesuffix(" BE8")]
            out += struct.pack(">q", number)
        else:
            out += terms[part]
    used.add(formula)
    return hashlib.sha256(out).digest() if hashed else out


def formula(section, first, name):
    return next(row[1].strip("`") for row in TABLES[section, first] if row[0].startswith(name))


def of_tree(what, terms):
    return evaluate(formula("Leaves and roots", "what", what), terms)


INNER = re.search(r"`(SHA-256\(0x01[^`]*)`", FORMATS)[1]
SEAL = re.search(r"SHA-512 over `([^`]*)`", FORMATS)[1]


def root(leaves):
    """RFC 9162, 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << (len(leaves) - 1).bit_length() - 1
    return evaluate(INNER, {"left": root(leaves[:left]), "right": root(leaves[left:])})


def members_of(cell):
    """The members of a line, in their order: name, whether it may be absent, and the kind if that is in a table."""
    chunks = []
    for chunk in cell.split("; "):
        if chunk.startswith("`"):
            chunks.append(chunk)
        else:
            chunks[-1] += "; " + chunk
    for chunk in chunks:
        names, rest = re.match(r"((?:`\w+`(?:, )?)+)(.*)", chunk).groups()
        optional = re.match(r"(absent|when|instead|as for records)\b", rest) is not None or "only with" in rest
        kind = re.search(r": (number64|hash|bytes|texts|key)\b", rest)
        for name in re.findall(r"`(\w+)`", names):
            yield name, optional, kind and kind[1]


LINES = {row[0].strip("`"): list(members_of(row[1])) for row in TABLES["Bundle", "line"]}
# Formats of the bundle by what ids are, and what ids may be by the member that names the key.
IDS = {row[0].strip("`"): row[2].split(", ") for row in TABLES["What ids are", "ids"]}
KEYS = {re.match(r"`?(\w+)", row[0])[1]: re.findall(r"\w+", row[2]) for row in TABLES["What ids are", "the spec's `source.table` has"]}
RECEIPT = {row[0]: (row[1], int(row[2])) for row in TABLES["Receipt", "member"]}


CHECKPOINT = {row[0].strip("`"): row[1] for row in TABLES["Checkpoints", "member of a checkpoint"]}
# The texts of checkpoints by their digests.
BEFORE = {}
for path in (DOCS / "vectors").glob("*.jws"):
    jws = path.read_text().strip()
    BEFORE[hashlib.sha256(jws.encode()).hexdigest()] = json.loads(base64url(jws.split(".")[1]))


def check_line(text):
    line = json.loads(text)
    again = {}
    for name, optional, kind in LINES[line["type"]]:
        if name in line:
            again[name] = line[name]
            used.add((line["type"], name))
            if kind and not KINDS[kind](line[name]):
                fail(f"{name} of a {line['type']} is no {kind}: {line[name]}")
        elif not optional:
            fail(f"a {line['type']} lacks {name}")
    if json.dumps(again, separators=(",", ":"), ensure_ascii=False) != text:
        fail(f"a {line['type']} is written otherwise than its table says: {text[:200]}")
    return line


def check_receipt(receipt):
    version = receipt.get("formatVersion", 1)
    alternatives = {"keys", "keyTree"}
    for cell, (what, since) in RECEIPT.items():
        for name in re.findall(r"`(\w+)`", cell):
            if name in receipt:
                used.add(("receipt", name))
                if since > version:
                    fail(f"a receipt of format {version} has {name}, which is there since {since}")
            elif since <= version and "absent" not in what and name not in alternatives:
                fail(f"a receipt of format {version} lacks {name}")
    known = {name for cell in RECEIPT for name in re.findall(r"`(\w+)`", cell)}
    if set(receipt) - known:
        fail(f"no table has {set(receipt) - known} of a receipt")
    if "checkpoint" in receipt:
        check_checkpoint(receipt["checkpoint"])
    if len(alternatives & set(receipt)) != 1:
        fail("a receipt has neither keys nor their root, or both")


def check_checkpoint(checkpoint):
    """Its members, and that the one before is among the vectors, with the number before."""
    for name, what in CHECKPOINT.items():
        if name in checkpoint:
            used.add(("checkpoint", name))
        elif "absent" not in what:
            fail(f"a checkpoint lacks {name}")
    if set(checkpoint) - set(CHECKPOINT):
        fail(f"no table has {set(checkpoint) - set(CHECKPOINT)} of a checkpoint")
    number = checkpoint["number"]
    if type(number) is not int or number < 1 or checkpoint.get("last", True) is not True:
        fail(f"{checkpoint} is none")
    if number == 1:
        if "previous" in checkpoint:
            fail("the first checkpoint names one before it")
        return
    before = BEFORE.get(checkpoint["previous"])
    if before is None or before["checkpoint"]["number"] != number - 1 or "last" in before["checkpoint"]:
        fail(f"{checkpoint} names another one before it")


def check_ids(header, spec, receipt):
    """What the receipt says of key and ids, by format of the bundle and spec. Returns how many values a key has, where there are any."""
    source, table = receipt.get("source", {}), spec["source"]["table"]
    ids = source.get("ids", "absent")
    named = next((name for name in KEYS if name in table), "neither")
    for allowed, said in [(IDS[ids], str(header["bundle"])), (KEYS[named], ids)]:
        if said not in allowed:
            fail(f"{said} is none of {allowed}")
    used.update({("ids", ids), (named, ids)})
    columns = source.get("keyColumns", [table.get("key")])
    if columns != {"key": [table.get("key")], "keyColumns": table.get("keyColumns"), "neither": columns}[named]:
        fail(f"the key columns {columns} are not those of the spec")
    return len(columns) if ids == "Ordinals" else None


def key_of(line, length):
    """The hash of a key, whose length is that of the columns; and what its leaf is called."""
    if ("key" in line) != (length is not None) or len(line.get("key", [])) != (length or 0):
        fail(f"{line['id']} has no key, or one that is too much, or of another length")
    canonical = json.dumps(line.get("key"), separators=(",", ":"), ensure_ascii=False).encode()
    return {"hash of the key": hashlib.sha256(canonical).digest()}, " with a key" if "key" in line else ""


def check_row(payload, uid, columns):
    """Reads the values of a row, and writes it again as the table says."""
    steps = [row[0].strip("`") for row in TABLES["Canonical rows", "bytes"]]
    last = TABLES["Canonical rows", "bytes"][-1][1]
    kinds = [int(re.search(rf"(\d+) for {of}", last)[1]) for of in ("bytea", "all other types")]
    be4 = lambda number: struct.pack(">I", number)
    null = 2**32 - 1 if "2³² − 1" in last else None
    out, counts = b"", iter([len(columns), len(columns)])
    for step in steps:
        used.add(("row", step))
        if step == "count":
            out += be4(next(counts))
        elif step == "uid":
            out += uid
        elif step == f"for each column: length{JOIN}name":
            out += b"".join(be4(len(name)) + name for name in (name.encode() for name in columns))
        elif step == f"for each value: kind{JOIN}length{JOIN}bytes":
            for _ in columns:
                kind, length = struct.unpack_from(">II", payload, len(out))
                value = b"" if length == null else payload[len(out) + 8 : len(out) + 8 + length]
                if kind not in kinds:
                    fail(f"a value of kind {kind}")
                out += be4(kind) + be4(null if length == null else len(value)) + value
        else:
            out += evaluate(step, {})
    if out != payload:
        fail("a row is written otherwise than its table says")


def public(jwk):
    x, y = (int.from_bytes(base64url(jwk[name]), "big") for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def verify(key, signature, data, algorithm):
    raw = base64url(signature)
    pair = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    try:
        key.verify(pair, data, ec.ECDSA(algorithm))
    except InvalidSignature:
        fail("a signature is not over what the tables say")


class Batch:
    def __init__(self, line):
        self.line, self.leaves, self.rejects = line, [], []


def check(text):
    lines = [check_line(line) for line in text.removesuffix("\n").split("\n")]
    header = lines[0]
    uid, spec = UUID(header["job"]["uid"]).bytes, json.loads(header["spec"])
    receipt = json.loads(base64url(header["receipt"].split(".")[1]))
    check_receipt(receipt)
    length, seen = check_ids(header, spec, receipt), set()
    form, columns = spec["signing"].get("message", "Payload"), spec["source"]["table"].get("columns")
    keys, batches, rejects, signed = {}, [], [], {}
    for line in lines[1:]:
        if "id" in line and "key" in line:
            if tuple(line["key"]) in seen:
                fail(f"two lines have the key {line['key']}")
            seen.add(tuple(line["key"]))
        if line["type"] == "key":
            keys[line["jwk"]["kid"]] = public(line["jwk"])
        elif line["type"] == "batch":
            batches.append(Batch(line))
        elif line["type"] == "record":
            batch = batches[-1]
            digest, number = bytes.fromhex(line["digest"]), int(line["id"])
            if "payload" in line:
                payload = base64url(line["payload"])
                if columns:
                    check_row(payload, uid, columns)
                terms = {"uid": uid, "id": number, "length of the payload": len(payload), "payload": payload, "the payload": payload}
                if hashlib.sha256(evaluate(formula("Messages", "spec.signing.message", f"`{form}`"), terms)).digest() != digest:
                    fail(f"record {number} has another digest than its message")
            verify(keys[batch.line["kid"]], line["signature"], digest, Prehashed(hashes.SHA256()))
            terms, with_key = key_of(line, length)
            terms |= {"id": number, "digest": digest, "r‖s": base64url(line["signature"])}
            batch.leaves.append(of_tree(f"leaf of a record{with_key}", terms))
            signed[batch.line["kid"]] = signed.get(batch.line["kid"], 0) + 1
        elif line["type"] == "reject":
            terms, with_key = key_of(line, length)
            leaf = of_tree(f"leaf of a reject{with_key}", terms | {"id": int(line["id"]), "reason": line["reason"].encode()})
            batches[-1].rejects.append(leaf)
            rejects.append((int(line["id"]), leaf))
    for batch in batches:
        line = batch.line
        terms = {name: int(line[name]) for name in ("batch", "first", "last", "signed", "rejected")}
        terms |= {
            "uid": uid,
            "thumbprint of its key, or 32 zero bytes where nothing was signed": base64url(line["kid"]) if batch.leaves else bytes(32),
            "root over its rejects by id": root(batch.rejects),
            "root over its records by id": root(batch.leaves),
        }
        if of_tree("root of a batch", terms).hex() != line["root"]:
            fail(f"batch {line['batch']} has another root")
        if "seal" in line:
            data = evaluate(SEAL, {"root of the batch": bytes.fromhex(line["root"])})
            verify(keys[line["kid"]], line["seal"], data, hashes.SHA512())
    if root([bytes.fromhex(batch.line["root"]) for batch in batches]).hex() != receipt["merkleRoot"]:
        fail("the receipt has another root")
    if receipt.get("formatVersion") != 6:
        rejects.sort()
    if "rejectsRoot" in receipt and root([leaf for _, leaf in rejects]).hex() != receipt["rejectsRoot"]:
        fail("the receipt has another root over rejects")
    if "keyTree" in receipt:
        uses = [(base64url(kid), signed[kid]) for kid in keys if kid in signed]
        leaves = [of_tree("leaf of a key", {"thumbprint": kid, "records that it signed": count}) for kid, count in uses]
        if receipt["keyTree"] != {"size": len(leaves), "root": root(leaves).hex()}:
            fail("the receipt has another root over keys")


def wanted():
    """All that the tables have."""
    for kind, members in LINES.items():
        yield from ((kind, name) for name, _, _ in members)
    yield from (("receipt", name) for cell in RECEIPT for name in re.findall(r"`(\w+)`", cell))
    yield from (("checkpoint", name) for name in CHECKPOINT)
    yield from (("ids", ids) for ids in IDS)
    yield from ((named, ids) for named, allowed in KEYS.items() for ids in allowed)
    yield from (("row", row[0].strip("`")) for row in TABLES["Canonical rows", "bytes"])
    for section, first in [("Leaves and roots", "what"), ("Messages", "spec.signing.message")]:
        yield from (row[1].strip("`") for row in TABLES[section, first] if not row[1].startswith("the root over"))


index = json.loads((DOCS / "vectors" / "index.json").read_text())
good = {vector["file"] for vector in index if vector["verdict"] == "VERIFIED"}
for file in sorted(good):
    try:
        check((DOCS / "vectors" / file).read_text())
    except (KeyError, StopIteration, struct.error) as what:
        fail(f"{file}: what the tables say cannot be followed: {what!r}")
    except SystemExit as told:
        fail(f"{file}: {told}")
# A bundle with a changed row is no good one, and no good key was revoked.
unseen = set(wanted()) - used - {("record", "row"), ("key", "revoked")}
if unseen:
    fail(f"no vector has what a table has: {sorted(map(str, unseen))}")
print(f"{len(good)} vectors are what the tables say")
