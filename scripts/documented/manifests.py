"""The values and manifests of the how-tos: does the chart take these values, and the API server these objects?"""
import glob
import os
import re
import textwrap

from commands import ROOT, Failed
from servers import run

# Of operators that are not here.
ELSEWHERE = ("argoproj.io/", "postgresql.cnpg.io/")
# With fewer of each than these, the documents are not understood any more.
LEAST_VALUES, LEAST_OBJECTS = 6, 9


def blocks():
    for path in sorted(glob.glob(ROOT + "/docs/how-to/*.md")):
        with open(path, encoding="utf-8") as file:
            for _, block in re.findall(r"^( *)```yaml\n(.*?)^\1```$", file.read(), re.MULTILINE | re.DOTALL):
                yield os.path.relpath(path, ROOT), textwrap.dedent(block)


def check(tell):
    values = objects = 0
    for namespace in ("data", "argocd"):
        run("kubectl", "create", "namespace", namespace)
    for document, block in blocks():
        if block.startswith("# values.yaml"):
            run("helm", "template", "vaultstream", os.path.join(ROOT, "charts/vaultstream"), "--values", "-", input=block)
            values += 1
        for each in re.split(r"^---$", block, flags=re.MULTILINE):
            kind = re.search("^apiVersion: (.*)$", each, re.MULTILINE)
            if kind and not kind[1].startswith(ELSEWHERE):
                run("kubectl", "apply", "--dry-run=server", "--validate=strict", "-f", "-", input=each)
                objects += 1
    if values < LEAST_VALUES or objects < LEAST_OBJECTS:
        raise Failed(f"only {values} blocks of values and {objects} objects were found in the how-tos")
    tell(f"as it should be: the chart takes {values} blocks of values of the how-tos, and the API server {objects} objects")
    for namespace in ("data", "argocd"):
        run("kubectl", "delete", "namespace", namespace)
