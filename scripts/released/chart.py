#!/usr/bin/env python3
"""Writes into a copy of the chart where the images of its release are: chart.py CHART REGISTRY IMAGES.txt

In the repository the chart names no registry, because none is known there. Fails when values.yaml has another form than it expects.
"""
import os
import re
import sys


def fill_in(text, pattern, value, what):
    """Sets the empty string at the end of what the pattern finds."""
    filled, times = re.subn(rf'({pattern})""$', lambda found: found[1] + value, text, count=1, flags=re.MULTILINE)
    if not times:
        sys.exit(f"values.yaml has no empty {what}, where the release would write {value}")
    return filled


def main(chart, registry, images):
    path = os.path.join(chart, "values.yaml")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = fill_in(text, r"^images?:\n(?:[ #].*\n)*?  registry: ", registry, "image.registry")
    with open(images, encoding="utf-8") as file:
        for name, digest in map(str.split, file):
            if re.search(r"^ +repository: ", text, re.MULTILINE):
                block = rf"^( +)repository: {name}\n(?:\2.*\n)*?\2digest: "
                text = fill_in(text, block, digest, f"digest beside {name}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
