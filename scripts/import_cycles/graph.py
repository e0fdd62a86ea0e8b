"""The graph of a crate's modules: who imports whom, and the cycles in it."""

from .reader import DEFINING, WORD


def find(module, name, seen):
    """The module of this name in `module`, or the module that defines what has this name there; None for another crate's."""
    if (id(module), name) in seen:
        return None
    seen = seen | {(id(module), name)}
    if name in module.children:
        return module.children[name], True
    if name in module.defined:
        return module, False
    for use in module.uses:
        if use.name == name:
            return follow(module, use.path, seen)
    for use in module.uses:
        if use.name == "*":
            found = follow(module, use.path, seen)
            if found and found[1] and (inner := find(found[0], name, seen)):
                return inner
    return None


def follow(module, path, seen=frozenset()):
    """Where a path leads: a module, and whether it ends there or at something that is defined in it. None for another crate's."""
    first, *rest = path
    if first in {"crate", "$crate"}:
        here = module.root()
    elif first in {"self", "super"}:
        here = module if first == "self" else module.parent
        while rest and rest[0] == "super":
            here, rest = here.parent, rest[1:]
    elif not (found := find(module, first, seen)):
        return None
    elif not found[1]:
        return found
    else:
        here = found[0]
    for name in rest:
        found = find(here, name, seen)
        if not found:
            # A variant, or a name that a macro makes; what another crate defines is not ours, though it is re-exported here.
            outer = any(use.name == name for use in here.uses)
            return None if outer else (here, False)
        here = found[0]
        if not found[1]:
            return found
    return here, True


def paths(code):
    """The paths and single names in code, each with its line and the token that follows it."""
    at = 0
    while at < len(code):
        if WORD.match(code[at].text) and (at == 0 or code[at - 1].text not in {".", "::"}):
            path, start = [code[at].text], at
            while at + 2 < len(code) and code[at + 1].text == "::" and WORD.match(code[at + 2].text):
                at += 2
                path.append(code[at].text)
            defines = start > 0 and code[start - 1].text in DEFINING
            following = code[at + 1].text if at + 1 < len(code) else ""
            if not defines:
                yield path, code[start].line, following
        at += 1


def imports(module):
    """What a module imports: other modules, each with the line and what is named there."""
    used = list(paths(module.code))
    heads = {path[0] for path, _, _ in used if len(path) > 1}
    # A variable may have the name of a function: a function is called, or has a path.
    names = {path[0] for path, _, following in used if path[0][:1].isupper() or len(path) > 1 or following in {"(", "!"}}
    for use in module.uses:
        found = follow(module, use.path)
        if not found:
            continue
        target, is_module = found
        below = target.file != module.file and any(target is child for child in module.all())
        if use.public and below and use.name not in names:
            continue
        if is_module and use.name != "*" and (use.public or use.name in heads):
            continue
        yield target, use.line, "::".join(use.path)
    aliases = {use.name for use in module.uses} | set(module.children)
    for path, line, _ in used:
        if len(path) > 1 and (path[0] in {"crate", "$crate", "self", "super"} or path[0] in aliases):
            if found := follow(module, path):
                yield found[0], line, "::".join(path)


def edges(root):
    """Which file imports which: {file: {file: "line: what"}}, and the files' titles."""
    graph, titles = {}, {}
    for module in root.all():
        titles.setdefault(module.file, module.title())
        out = graph.setdefault(module.file, {})
        for target, line, what in imports(module):
            if target.file != module.file and (target.file not in out or line < out[target.file][0]):
                out[target.file] = (line, what)
    return graph, titles


def reachable(graph, start):
    found, left = set(), [start]
    while left:
        for target in graph.get(left.pop(), {}):
            if target not in found:
                found.add(target)
                left.append(target)
    return found


def cycles(graph):
    """The sets of files each of which imports, directly or not, all others of its set."""
    reach = {file: reachable(graph, file) for file in graph}
    found = []
    for file in sorted(graph):
        if file in reach[file] and not any(file in cycle for cycle in found):
            found.append(sorted(other for other in reach[file] if file in reach.get(other, ())))
    return found
