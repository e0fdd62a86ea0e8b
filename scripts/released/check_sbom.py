#!/usr/bin/env python3
"""Checks the SBOMs of a release: check_sbom.py SCHEMAS FOLDER

Each fits the schema of CycloneDX, each dependency is a component, and it lists what `cargo auditable` has put into the program in the archive.
"""
import glob
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile

import jsonschema
from referencing import Registry
from referencing.jsonschema import DRAFT7

TOOLS = os.environ.get("VAULTSTREAM_TOOLS", os.path.join(os.path.dirname(__file__), "../../.tools"))
# What is in a program and no crate.
NO_CRATES = {"glibc", "rust-std"}


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def in_archive(path, bom):
    """The program that an SBOM is of, from the archive beside it: its hash, and names and versions of its crates."""
    program = bom["metadata"]["component"]["name"]
    folder = os.path.basename(path).removesuffix(".cdx.json").replace(program + "-", "vaultstream-", 1)
    with tarfile.open(os.path.join(os.path.dirname(path), f"{folder}.tar.gz")) as archive:
        content = archive.extractfile(f"{folder}/{program}").read()
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        listed = subprocess.run([os.path.join(TOOLS, "bin/rust-audit-info"), file.name], check=True, stdout=subprocess.PIPE).stdout
    return hashlib.sha256(content).hexdigest(), {(each["name"], each["version"]) for each in json.loads(listed)["packages"]}


def faults_of(path, bom, validator):
    yield from (f"{error.json_path}: {error.message}" for error in validator.iter_errors(bom))
    components = [bom["metadata"]["component"], *bom["components"]]
    used = {ref for each in bom["dependencies"] for ref in [each["ref"], *each["dependsOn"]]}
    yield from (f"no component is {ref}" for ref in sorted(used - {each["bom-ref"] for each in components}))
    digest, crates = in_archive(path, bom)
    if components[0]["hashes"][0]["content"] != digest:
        yield "it is of another program than the one in the archive"
    named = {(each["name"], each["version"]) for each in components if each["name"] not in NO_CRATES}
    yield from (f"in the program, but not in the SBOM: {' '.join(crate)}" for crate in sorted(crates - named))
    yield from (f"in the SBOM, but not in the program: {' '.join(crate)}" for crate in sorted(named - crates))


def main(folder, release):
    schemas = {name: read(os.path.join(folder, f"{name}.SNAPSHOT.schema.json")) for name in ("bom-1.6", "spdx", "jsf-0.82")}
    # They refer to each other as files beside the first one.
    beside = schemas["bom-1.6"]["$id"].rpartition("/")[0]
    registry = Registry().with_resources((f"{beside}/{name}.SNAPSHOT.schema.json", DRAFT7.create_resource(schema)) for name, schema in schemas.items())
    validator = jsonschema.Draft7Validator(schemas["bom-1.6"], registry=registry)
    paths = sorted(glob.glob(os.path.join(release, "*.cdx.json")))
    if not paths:
        sys.exit(f"{release} has no SBOM")
    for path in paths:
        bom = read(path)
        if faults := list(faults_of(path, bom, validator)):
            sys.exit("\n  ".join([f"{path}:", *faults[:20]]))
        print(f"{os.path.basename(path)}: CycloneDX 1.6, {len(bom['components'])} components, as in the program")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
