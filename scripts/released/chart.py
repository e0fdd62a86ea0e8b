#!/usr/bin/env python3
"""Writes into a copy of the chart in which registry the images of its release are: chart.py CHART REGISTRY

In the repository the chart names no registry, because none is known there. Digests are not written: `helm upgrade --reuse-values` would keep
those of the release before. Fails when values.yaml has another form than it expects.
"""
import os
import re
import sys


def main(chart, registry):
    # The second file is a copy of the first for templates, where the chart has it.
    for name in ("values.yaml", "files/defaults.yaml"):
        path = os.path.join(chart, name)
        if name == "values.yaml" or os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            text, times = re.subn(r'(^images?:\n(?:[ #].*\n)*?  registry: )""$', lambda found: found[1] + registry, text, count=1, flags=re.MULTILINE)
            if not times:
                sys.exit(f"{name} has no empty image.registry, where the release would write {registry}")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
