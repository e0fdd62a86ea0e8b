"""Checks a crate and reports its cycles, edge by edge."""

import pathlib
import subprocess
import tomllib

from .graph import cycles, edges
from .reader import Reader


def check(root_file, show=print):
    """Prints the cycles of one crate and returns their number."""
    root = Reader().read("crate", root_file, None)
    graph, titles = edges(root)
    found = cycles(graph)
    for cycle in found:
        names = ", ".join(titles[file] for file in cycle)
        show(f"{root_file}: {len(cycle)} of {len(graph)} modules import each other in a cycle: {names}")
        for file in cycle:
            for target, (line, what) in sorted(graph[file].items()):
                if target in cycle:
                    show(f"  {file}:{line}: {titles[file]} imports {titles[target]} ({what})")
    return len(found)


def roots():
    """The root files of every crate of the workspace."""
    listed = subprocess.run(["git", "ls-files", "--", "*Cargo.toml"], check=True, capture_output=True, text=True)
    for manifest in map(pathlib.Path, listed.stdout.split()):
        folder, told = manifest.parent, tomllib.loads(manifest.read_text())
        found = [folder / "src/lib.rs", folder / "src/main.rs"]
        for kind in ("bin", "test", "bench", "example"):
            found += [folder / target["path"] for target in told.get(kind, []) if "path" in target]
        found += folder.glob("tests/*.rs") if told.get("package", {}).get("autotests", True) else []
        yield from sorted({file for file in found if file.exists()})
