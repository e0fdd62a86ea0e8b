#!/usr/bin/env python3
"""Prints where the files of a release come from: an in-toto statement with SLSA's provenance v1 as predicate. provenance.py FOLDER

Every file of FOLDER is a subject, and each image by its digest. The rest is in the environment:

  REVISION, SOURCE   the commit, and the repository's URL
  BUILDER            the URL of who builds; without it, that is a machine of nobody: a dry run
  INVOCATION         the URL of this very build; without it there is none
"""
import hashlib
import json
import os
import subprocess
import sys


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def subjects(folder):
    for name in sorted(os.listdir(folder)):
        yield {"name": name, "digest": {"sha256": digest(os.path.join(folder, name))}}
    with open(os.path.join(folder, "images.txt"), encoding="utf-8") as file:
        for line in file:
            name, image = line.split()
            yield {"name": name, "digest": {"sha256": image.removeprefix("sha256:")}}


def statement(folder):
    source, revision = os.environ["SOURCE"], os.environ["REVISION"]
    toolchain = subprocess.run(["rustc", "-vV"], check=True, stdout=subprocess.PIPE, text=True).stdout
    facts = dict(line.split(": ", 1) for line in toolchain.splitlines() if ": " in line)
    run = {"builder": {"id": os.environ.get("BUILDER") or f"{source}#a-dry-run-on-some-machine"}}
    if invocation := os.environ.get("INVOCATION"):
        run["metadata"] = {"invocationId": invocation}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": list(subjects(folder)),
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": f"{source}/blob/{revision}/scripts/release",
                "externalParameters": {"source": f"git+{source}@{revision}"},
                "internalParameters": {"rustc": f"{facts['release']} ({facts['commit-hash']})", "SOURCE_DATE_EPOCH": os.environ["SOURCE_DATE_EPOCH"]},
                "resolvedDependencies": [
                    {"uri": f"git+{source}", "digest": {"gitCommit": revision}},
                    # It has the hash of every crate.
                    {"uri": f"git+{source}#Cargo.lock", "digest": {"sha256": digest("Cargo.lock")}},
                ],
            },
            "runDetails": run,
        },
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    json.dump(statement(sys.argv[1]), sys.stdout, indent=1)
    print()
