#!/usr/bin/env python3
"""Checks SBOMs against the schema of CycloneDX, and that each dependency is a component: check_sbom.py SCHEMAS FILE…"""
import json
import os
import sys

import jsonschema
from referencing import Registry
from referencing.jsonschema import DRAFT7


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main(folder, *files):
    schemas = {name: read(os.path.join(folder, f"{name}.SNAPSHOT.schema.json")) for name in ("bom-1.6", "spdx", "jsf-0.82")}
    registry = Registry().with_resources((schema["$id"], DRAFT7.create_resource(schema)) for schema in schemas.values())
    validator = jsonschema.Draft7Validator(schemas["bom-1.6"], registry=registry)
    for path in files:
        bom = read(path)
        faults = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(bom)]
        named = {bom["metadata"]["component"]["bom-ref"], *(each["bom-ref"] for each in bom["components"])}
        used = {ref for each in bom["dependencies"] for ref in [each["ref"], *each["dependsOn"]]}
        faults += [f"no component is {ref}" for ref in sorted(used - named)]
        if faults:
            sys.exit("\n  ".join([f"{path} is no CycloneDX 1.6:", *faults[:20]]))
        print(f"{os.path.basename(path)}: CycloneDX 1.6, {len(bom['components'])} components")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
