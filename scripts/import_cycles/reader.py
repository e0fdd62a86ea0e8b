"""Reads a crate's files into modules: what each defines, which names it uses, and its code as tokens."""

import os
import pathlib
import re
from dataclasses import dataclass, field

TOKEN = re.compile(
    r"""//[^\n]* | /\*.*?\*/                                  # comments
      | (?:b|c|br|cr|r)?(?P<hashes>\#+)".*?"(?P=hashes) | (?:br|cr|r)".*?"   # raw strings
      | [bc]?"(?:\\.|[^"\\])*"                                # strings
      | b?'(?:\\[^']+|\\'|[^\\'])' | '\w+                     # characters and lifetimes
      | (?:r\#)?[^\W\d]\w* | \d\w*                            # words and numbers
      | :: | \S""",
    re.VERBOSE | re.DOTALL,
)
CLOSING = {"(": ")", "[": "]", "{": "}"}
DEFINING = {"fn", "struct", "enum", "union", "trait", "type", "const", "static"}
QUALIFIERS = {"async", "unsafe", "extern", "default", "auto"}
WORD = re.compile(r"[^\W\d]\w*$")


@dataclass
class Token:
    text: str
    line: int


@dataclass
class Use:
    path: list
    name: str  # what it is called here; "*" for everything, "_" for a trait without a name
    line: int
    public: bool


@dataclass
class Module:
    name: str
    file: pathlib.Path
    parent: "Module | None"
    children: dict = field(default_factory=dict)
    defined: set = field(default_factory=set)
    uses: list = field(default_factory=list)
    code: list = field(default_factory=list)

    def root(self):
        return self.parent.root() if self.parent else self

    def all(self):
        yield self
        for child in self.children.values():
            yield from child.all()

    def title(self):
        if self.parent is None:
            return self.name
        return self.name if self.parent.parent is None else f"{self.parent.title()}::{self.name}"


def tokens(text):
    found, line, at = [], 1, 0
    for match in TOKEN.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        if not match[0].startswith(("//", "/*")):
            found.append(Token(match[0].removeprefix("r#"), line))
    return found


def close(code, at):
    """The index of the bracket that closes the one at `at`."""
    depth = 0
    for index in range(at, len(code)):
        if code[index].text in CLOSING:
            depth += 1
        elif code[index].text in CLOSING.values():
            depth -= 1
            if depth == 0:
                return index
    return len(code) - 1


class Reader:
    """Reads the modules of one crate, beginning with its root file."""

    def read(self, name, file, parent):
        module = Module(name, file, parent)
        # A root, a mod.rs and a file named in #[path] look for children beside themselves.
        self.items(tokens(file.read_text()), module, file.parent if parent is None else self.folder(file))
        return module

    @staticmethod
    def folder(file):
        return file.parent if file.name == "mod.rs" else file.parent / file.stem

    def items(self, code, module, folder):
        at = 0
        while at < len(code):
            start, attributes = at, []
            while code[at].text == "#" and at + 1 < len(code):
                end = close(code, at + 1 + (code[at + 1].text == "!"))
                attributes += code[at : end + 1]
                at = end + 1
                if at >= len(code):
                    return
            public = code[at].text == "pub"
            if public:
                at += 1
                if code[at].text == "(":
                    at = close(code, at) + 1
            end = self.end(code, at)
            if not re.search(r"\bcfg \( (all \( )?test\b", " ".join(token.text for token in attributes)):
                module.code += [part for token in attributes for part in in_attribute(token)]
                self.item(code[at : end + 1], attributes, public, module, folder)
            at = max(end, start) + 1

    @staticmethod
    def end(code, at):
        """The index of the last token of the item that begins at `at`."""
        kind = next((token.text for token in code[at : at + 8] if token.text not in QUALIFIERS and token.text[:1] != '"'), "")
        if kind == "const" and any(token.text == "fn" for token in code[at : at + 5]):
            kind = "fn"
        while at < len(code):
            text = code[at].text
            if text == ";":
                return at
            if text in CLOSING:
                at = close(code, at)
                # The braces of a constant's value or of a `use` are not its end; those of a function are.
                if text == "{" and kind not in {"const", "static", "type", "use"}:
                    return at
            at += 1
        return len(code) - 1

    def item(self, code, attributes, public, module, folder):
        words = [token.text for token in code[:8]]
        if words[0] == "mod" and len(words) > 2:
            name = words[1]
            if words[2] == ";":
                child = self.read(name, self.file(name, attributes, module, folder), module)
                # A second one of this name is for another platform: its imports count, and others import the first.
                module.children[name if name not in module.children else f"{name} in {child.file.name}"] = child
            else:
                child = module.children[name] = Module(name, module.file, module)
                self.items(code[3:-1], child, folder / name)
        elif words[0] == "use":
            module.uses += [Use(path, name, line, public) for path, name, line in tree(code[1:-1])]
        elif words[:2] == ["macro_rules", "!"]:
            module.defined.add(words[2])
        else:
            # What a macro at this level is told to define is defined, too.
            whole = len(words) > 1 and words[1] == "!"
            for one, next_one in zip(code, code[1:]):
                if one.text in DEFINING and WORD.match(next_one.text) and next_one.text not in DEFINING | QUALIFIERS:
                    module.defined.add(next_one.text)
                    if not whole:
                        break
                if one.text in {"{", "impl"} and not whole:
                    break
            module.code += code
            # Imports within functions.
            for index, token in enumerate(code):
                if token.text == "use" and index and code[index - 1].text in {"{", "}", ";"}:
                    last = next(at for at in range(index, len(code)) if code[at].text == ";")
                    module.uses += [Use(path, name, line, False) for path, name, line in tree(code[index + 1 : last])]

    def file(self, name, attributes, module, folder):
        texts = [token.text for token in attributes]
        if "path" in texts:
            return pathlib.Path(os.path.normpath(module.file.parent / texts[texts.index("path") + 2].strip('"')))
        return next(file for file in (folder / f"{name}.rs", folder / name / "mod.rs") if file.exists())


def in_attribute(token):
    """A path in an attribute's string, as in #[serde(with = "crate::hex")], is code."""
    if re.fullmatch(r'"\w+(::\w+)+"', token.text):
        return [Token(part.text, token.line) for part in tokens(token.text.strip('"'))]
    return [token]


def tree(code, prefix=()):
    """The paths of a `use`, each with the name that it gets."""
    at, path = 0, list(prefix)
    line = code[0].line if code else 0
    while at < len(code):
        text = code[at].text
        if text == "{":
            end, depth, begin = close(code, at), 0, at + 1
            for index in range(at + 1, end + 1):
                depth += code[index].text == "{"
                depth -= code[index].text == "}"
                if index == end or (code[index].text == "," and depth == 0):
                    if code[begin:index]:
                        yield from tree(code[begin:index], path)
                    begin = index + 1
            return
        if text == "*":
            yield path, "*", code[at].line
            return
        if text == "as":
            yield path, code[at + 1].text, line
            return
        if text != "::" and not (text == "self" and path):
            path.append(text)
            line = code[at].line
        at += 1
    if path:
        yield path, path[-1], line
