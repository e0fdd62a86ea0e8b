"""Crates with planted cycles, and without: what the check must find in them."""

import pathlib
import re
import tempfile

from .check import check
from .graph import cycles, edges
from .reader import Reader

CASES = {
    "two siblings": ("a b", {"lib": "mod a; mod b;", "a": "use crate::b::B; pub struct A;", "b": "pub struct B; fn f() { crate::a::A; }"}),
    "three siblings": (
        "a b c",
        {"lib": "mod a; mod b; mod c;", "a": "use crate::b::f;", "b": "pub fn f() { super::c::g() }", "c": "use crate::a; pub fn g() { a::h() }"},
    ),
    "a parent that uses its child, which uses what the parent defines": (
        "a a::b",
        {"lib": "mod a;", "a": "mod b; pub struct A; fn f() { b::g(A) }", "a/b": "use super::A; pub fn g(_: A) {}"},
    ),
    "a re-export that the parent uses itself": (
        "a a::b",
        {"lib": "mod a;", "a": "mod b; pub use b::B; pub struct A(B);", "a/b": "pub struct B; impl super::A {}"},
    ),
    "a path in an attribute": (
        "a b",
        {"lib": "mod a; mod b;", "a": '#[serde(with = "crate::b::hex")] pub struct A;', "b": "use crate::a::A; pub fn hex() {}"},
    ),
    "through a re-export": (
        "a b",
        {"lib": "mod a; mod b; pub use b::B;", "a": "use crate::B; pub struct A;", "b": "use crate::a::A; pub struct B;"},
    ),
    "everything of the parent": ("a crate", {"lib": "mod a; pub struct X; fn f() { a::g() }", "a": "use super::*; pub fn g() {}"}),
    "an import in a function": (
        "a b",
        {"lib": "mod a; mod b;", "a": "fn f() { use crate::b::{self, g as h}; h() }", "b": "pub fn g() -> crate::a::A {}"},
    ),
    "a module with two files": (
        "a c",
        {
            "lib": '#[cfg(unix)] mod a; #[cfg(not(unix))] #[path = "b.rs"] mod a; mod c;',
            "a": "use crate::c::g;",
            "b": "pub struct B;",
            "c": "pub fn g() { crate::a::f() }",
        },
    ),
    # None of these is a cycle.
    "a chain": ("", {"lib": "mod a; mod b;", "a": "use crate::b::B;", "b": "pub struct B;"}),
    "a parent that only re-exports": (
        "",
        {"lib": "mod a;", "a": "mod b; pub use b::B; pub struct A;", "a/b": "use super::A; pub struct B(A);"},
    ),
    "what is re-exported by the root is imported from its definition": (
        "",
        {"lib": "mod a; mod b; pub use a::A; fn f() { b::g() }", "a": "pub struct A;", "b": "use crate::A; pub fn g() {}"},
    ),
    "tests, comments and texts": (
        "",
        {
            "lib": "mod a; mod b;",
            "a": "use crate::b::B; pub struct A;",
            "b": '// crate::a::A\npub struct B; const T: &str = "crate::a::A"; #[cfg(test)] mod tests { use super::*; use crate::a::A; }',
        },
    ),
    "another crate's item that is re-exported": (
        "",
        {"lib": "mod a; pub use serde::Value; fn f() { a::g() }", "a": "use crate::Value; pub fn g() {}"},
    ),
}


def test():
    failed = 0
    for title, (expected, files) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                file = pathlib.Path(folder, f"{name}.rs")
                file.parent.mkdir(exist_ok=True)
                file.write_text(text)
            graph, titles = edges(Reader().read("crate", pathlib.Path(folder, "lib.rs"), None))
            found = " ".join(sorted(titles[file] for cycle in cycles(graph) for file in cycle))
            told = []
            check(pathlib.Path(folder, "lib.rs"), told.append)
        places = all(re.search(r"\.rs:\d+: \S+ imports ", line) for line in told if line.startswith("  "))
        if found != expected or bool(told) != bool(expected) or not places:
            print(f"import-cycles --test: {title}: expected a cycle of [{expected}], found [{found}]: {told}")
            failed += 1
    return failed
