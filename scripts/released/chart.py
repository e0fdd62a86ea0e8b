#!/usr/bin/env python3
"""Writes into a copy of the chart where the images of its release are: chart.py CHART REGISTRY IMAGES.txt

In the repository the chart names no registry, because none is known there. Fails when values.yaml has another form than it expects.
"""
import os
import re
import sys


def replace(text, block, line, value):
    """Sets a line within a block of the first level."""
    found = re.search(rf"^{block}:\n(?:(?: .*|#.*|)\n)*?( +){line}: \"\"$", text, re.MULTILINE)
    if not found:
        sys.exit(f"values.yaml has no empty {block}.{line}, where the release would write {value}")
    return text[:found.end() - 2] + value + text[found.end():]


def main(chart, registry, images):
    path = os.path.join(chart, "values.yaml")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(replace(text, "images", "registry", registry))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
