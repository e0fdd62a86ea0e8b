#!/usr/bin/env python3
"""Writes the SBOM of a program as CycloneDX 1.6: sbom.py PROGRAM TARGET FEATURES OUT.cdx.json

What is in the program is read from the program: `cargo auditable` has put the list there when it was built. Licences come from
`cargo metadata`, hashes from Cargo.lock. `cargo tree`, which knows features better, must name nothing that is not in the list; what it does
not name is a crate that the program could have with other features, and gets the scope "optional". The same program gives the same bytes.
"""
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import uuid

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
TOOLS = os.environ.get("VAULTSTREAM_TOOLS", os.path.join(ROOT, ".tools"))
PROGRAMS = ["vaultstream", "vaultstream-operator", "vaultstream-worker"]
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def run(*arguments):
    return subprocess.run(arguments, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def found_in(program):
    """The packages that `cargo auditable` has put into a program, dependencies as places in the list."""
    return json.loads(run(os.path.join(TOOLS, "bin/rust-audit-info"), os.path.realpath(program)))["packages"]


def named_by_cargo(program, target, features):
    """The same by another way: names and versions below a program, as cargo resolves them for all programs, which are built at once."""
    packages = [word for each in PROGRAMS for word in ("--package", each)]
    tree = run("cargo", "tree", "--locked", "--offline", *packages, "--target", target, "--features", features,
               "--edges", "normal,build", "--prefix", "depth", "--format", "|{p}")
    below, path = {}, []
    # What was shown before is shown without what is below it.
    for line in filter(None, tree.splitlines()):
        depth, name = line.split("|", 1)
        path[int(depth):] = [tuple(name.split()[:2])]
        below.setdefault(path[-1], set())
        if len(path) > 1:
            below[path[-2]].add(path[-1])
    found, left = set(), [next(name for name in below if name[0] == program)]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += below[name]
    return found


def key(package):
    return package["name"], "v" + package["version"]


def check(packages, expected):
    missing = expected - {key(each) for each in packages}
    if missing:
        sys.exit(f"SBOM: in cargo tree, but not in the program: {', '.join(' '.join(name) for name in sorted(missing))}")


def libc(program):
    """The C library is linked statically, too. It says in the program what it is."""
    with open(program, "rb") as file:
        found = re.search(rb"GNU C Library \((.*?)\) (?:stable|development) release version ([0-9.]+)", file.read())
    if not found:
        sys.exit(f"SBOM: {program} does not say which C library is in it")
    build, version = found[1].decode(), found[2].decode()
    return {"type": "library", "bom-ref": f"glibc@{version}", "name": "glibc", "version": version, "description": build,
            "scope": "required", "licenses": [{"license": {"id": "LGPL-2.1-or-later"}}]}


def rust():
    version = re.search(r"^release: (.*)$", run("rustc", "-vV"), re.MULTILINE)[1]
    return {"type": "library", "bom-ref": f"rust-std@{version}", "name": "rust-std", "version": version, "scope": "required",
            "description": "Rust's standard library", "licenses": [{"expression": "MIT OR Apache-2.0"}]}


def scope(package, expected):
    if key(package) not in expected:
        return "optional"
    # What only built the program is named, too; it is not in it.
    return "excluded" if package.get("kind") == "build" else "required"


def component(package, licences, hashes):
    name, version = package["name"], package["version"]
    is_ours = package["source"] == "local"
    made = {"type": "library", "bom-ref": f"{name}@{version}", "name": name, "version": version}
    if licence := licences.get((name, version)):
        # Old manifests separate alternatives by a slash.
        made["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", licence)}]
    if not is_ours:
        made["hashes"] = [{"alg": "SHA-256", "content": hashes[name, version]}]
        made["purl"] = f"pkg:cargo/{name}@{version}"
    return made


def bom(program, target, packages, expected):
    metadata = json.loads(run("cargo", "metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", target))
    licences = {(each["name"], each["version"]): each["license"] for each in metadata["packages"]}
    with open(os.path.join(ROOT, "Cargo.lock"), "rb") as file:
        locked = tomllib.load(file)["package"]
    hashes = {(each["name"], each["version"]): each["checksum"] for each in locked if each.get("source") == CRATES_IO}
    refs = [f"{each['name']}@{each['version']}" for each in packages]
    root = next(place for place, each in enumerate(packages) if each.get("root"))
    with open(program, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    made = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    main = component(packages[root], licences, hashes) | {"type": "application", "hashes": [{"alg": "SHA-256", "content": digest}]}
    below = [rust(), libc(program)]
    depends = {ref: {refs[place] for place in each.get("dependencies", [])} for ref, each in zip(refs, packages)}
    depends[refs[root]] |= {each["bom-ref"] for each in below}
    depends |= {each["bom-ref"]: set() for each in below}
    components = [component(each, licences, hashes) | {"scope": scope(each, expected)} for place, each in enumerate(packages) if place != root] + below
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
        "metadata": {"timestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": main},
        "components": sorted(components, key=lambda each: each["bom-ref"]),
        "dependencies": [{"ref": ref, "dependsOn": sorted(depends[ref])} for ref in sorted(depends)],
    }


def main(program, target, features, out):
    packages = found_in(program)
    expected = named_by_cargo(os.path.basename(program), target, features)
    check(packages, expected)
    with open(out, "w", encoding="utf-8") as file:
        json.dump(bom(program, target, packages, expected), file, indent=1)
        file.write("\n")
    optional = sorted(each["name"] for each in packages if key(each) not in expected)
    print(f"{os.path.basename(out)}: {len(packages)} packages; not built, by cargo tree: {', '.join(optional) or 'none'}")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
