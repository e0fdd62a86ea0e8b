"""Says of each bundle in a folder whether each of its lines has the form of docs/schemas/bundle-line.schema.json, and the receipt of its
first line that of docs/schemas/receipt.schema.json: one JSON object on standard output."""

import base64
import json
import pathlib
import sys

import jsonschema

SCHEMAS = pathlib.Path(__file__).parent.parent / "docs" / "schemas"


def schema(name):
    value = json.loads((SCHEMAS / name).read_text())
    kind = jsonschema.validators.validator_for(value)
    kind.check_schema(value)
    return kind(value, format_checker=kind.FORMAT_CHECKER)


LINE, RECEIPT = schema("bundle-line.schema.json"), schema("receipt.schema.json")


def parsed(line):
    try:
        return json.loads(line)
    except ValueError:
        return None


def fits(text):
    """Whether there are lines, and each has the form of one."""
    *lines, rest = text.split("\n")
    return bool(lines) and not rest and all(LINE.is_valid(parsed(line)) for line in lines)


def receipt_fits(text):
    """Whether the receipt has its form; true where there is none."""
    header = parsed(text.partition("\n")[0])
    if not isinstance(header, dict) or not isinstance(header.get("receipt"), str):
        return True
    payload = header["receipt"].split(".")[1]
    return RECEIPT.is_valid(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


said = {}
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.vsb")):
    text = file.read_text()
    said[file.name] = {"lines": fits(text), "receipt": receipt_fits(text)}
print(json.dumps(said))
