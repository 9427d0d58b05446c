"""Digests of Python modules: what they run and what they import, wherever they lie.

A module's digest is of its own tokens without its imports from the project. For each name so imported it holds the
digest of the module that the name comes from. It holds no path, so modules can be moved and renamed: those that are
imported by ``from … import``.
Comments, docstrings, blank lines and layout do not count.
"""

import ast
import functools
import hashlib
import io
import json
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import UsageError

LAYOUT = {"NEWLINE": "\n", "INDENT": "\0indent", "DEDENT": "\0dedent"}  #: tokens by which a text is told apart

Roots = Sequence[Path]  #: folders in which a module's name is looked up, as Python does in ``sys.path``


class Import(NamedTuple):
    """A name that a module imports from the project."""

    name: str  #: as it is called there; empty where it is a module itself
    local: str  #: as it is called here
    files: tuple[Path, ...]  #: the module it comes from, and the packages' ``__init__.py`` that run before it


class Digests:
    """Digests of modules under ``roots``, each file read once."""

    def __init__(self, roots: Roots):
        self._known: dict[Path, str] = {}
        self._parsed = functools.cache(lambda path: parsed(path, roots))

    def empty(self, path: Path) -> bool:
        """Whether a module runs nothing."""
        return self._parsed(path) == ("", [])

    def of(self, path: Path) -> str:
        """The digest of a module, 64 hex digits. Raises UsageError where it, or what it imports, does not parse."""
        if path not in self._known:
            self._visit(path, {}, [])
        return self._known[path]

    def _visit(self, path: Path, numbers: dict[Path, int], open_: list[Path]) -> int:
        """Tarjan's algorithm (1972): modules that import each other in a circle get their digests as one."""
        low = numbers[path] = len(numbers)
        open_.append(path)
        for file in (file for _, _, files in self._imports(path) for file in files):
            if file not in numbers and file not in self._known:
                low = min(low, self._visit(file, numbers, open_))
            elif file in open_:
                low = min(low, numbers[file])
        if low == numbers[path]:
            start = open_.index(path)
            self._close(open_[start:])
            del open_[start:]
        return low

    def _close(self, circle: list[Path]) -> None:
        """Digests of modules that import each other, or of one alone; all others that they import have theirs."""
        own = {path: _sha(self._parsed(path)[0]) for path in circle}
        lines = {}
        for path in circle:
            imports = [
                [n, local, [own.get(f) or self._known[f] for f in files]] for n, local, files in self._imports(path)
            ]
            lines[path] = _sha(json.dumps([own[path], sorted(imports)]))
        whole = sorted(lines.values()) if len(circle) > 1 else []
        self._known |= {path: _sha(json.dumps([line, whole])) for path, line in lines.items()}

    def _imports(self, path: Path) -> list[Import]:
        """Those of a module; an ``__init__.py`` that runs nothing is left out."""
        imports = self._parsed(path)[1]
        return [
            found._replace(files=tuple(f for f in found.files if f.name != "__init__.py" or not self.empty(f)))
            for found in imports
        ]


def closure(entries: Sequence[Path], roots: Roots) -> list[Path]:
    """The given files and all that they import from under ``roots``, sorted."""
    found, todo = set(), list(entries)
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            try:
                imports, _ = _statements(path.read_bytes(), path, roots)
            except (SyntaxError, ValueError):
                continue  # its digest reports it
            todo += [file for found_import in imports for file in found_import.files]
    return sorted(found)


def parsed(path: Path, roots: Roots) -> tuple[str, list[Import]]:
    """A module's own text, reduced to what Python runs, and its imports from the project. Raises UsageError."""
    source = path.read_bytes()
    try:
        imports, without = _statements(source, path, roots)
        return canonical(source, without), imports
    except SyntaxError as error:
        raise UsageError(f"{_shown(path, roots)}: line {error.lineno}: {error.msg}") from None
    except ValueError as error:  # such as bytes that are no text
        raise UsageError(f"{_shown(path, roots)}: {error}") from None


def _statements(source: bytes, path: Path, roots: Roots) -> tuple[list[Import], list[ast.stmt]]:
    """A module's imports from the project, and the statements of nothing else. Raises SyntaxError and ValueError."""
    imports: list[Import] = []
    without: list[ast.stmt] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            ours = _imports(node, path, roots)
            imports += ours
            if len(ours) == len(node.names):  # else a library's is among them, and the statement counts as it is
                without.append(node)
    return imports, without


def _imports(node: ast.Import | ast.ImportFrom, path: Path, roots: Roots) -> list[Import]:
    """What of an import statement is from the project."""
    found = []
    for alias in node.names:
        if isinstance(node, ast.Import):
            if files := _files(alias.name.split("."), roots):
                found.append(Import("", alias.asname or alias.name, files))
            continue
        where = roots if not node.level else [path.parents[node.level - 1]]  # relative: in the package, or above it
        package = node.module.split(".") if node.module else []
        local = alias.asname or alias.name
        if files := _files([*package, alias.name], where):
            found.append(Import("", local, files))
        elif files := _files(package, where):
            found.append(Import(alias.name, local, files))
    return found


def _files(names: list[str], roots: Roots) -> tuple[Path, ...]:
    """The file of a module by its dotted name, after its packages' ``__init__.py``; none if it is no such module."""
    for root in roots:
        *packages, last = [root.joinpath(*names[: n + 1]) for n in range(len(names))] or [root]
        inits = [init for package in packages if (init := package / "__init__.py").is_file()]
        for file in (last / "__init__.py", last.with_suffix(".py")):
            if file.is_file():
                return (*inits, file)
    return ()


def _shown(path: Path, roots: Roots) -> str:
    inside = [path.relative_to(root) for root in roots if path.is_relative_to(root)]
    return (inside[0] if inside else path).as_posix()


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(source: bytes, without: Sequence[ast.stmt] = ()) -> str:
    """Source reduced to what Python runs, the same on every Python from 3.11 and with any line ends.

    The statements ``without`` are left out. Raises SyntaxError.
    """
    ast.parse(source)
    out, statement = [], []
    for token in _tokens(source, without):
        statement.append(token)
        if token == "\n":
            docstring = len(statement) == 2 and statement[0].endswith(("'", '"'))  # or any lone string
            if len(statement) > 1 and not docstring:
                out += statement
            statement = []
        elif token in (LAYOUT["INDENT"], LAYOUT["DEDENT"]):
            out.append(statement.pop())
    return "\1".join(out + statement)


def _tokens(source: bytes, without: Sequence[Any]) -> Iterator[str]:
    """Texts of the tokens that count. From 3.12 on an f-string is many tokens; here it is always one."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    text = io.TextIOWrapper(io.BytesIO(source), encoding=encoding).read()
    lines = io.StringIO(text).readlines()
    spans = [(_place(lines, s.lineno, s.col_offset), _place(lines, s.end_lineno, s.end_col_offset)) for s in without]
    start, depth = (0, 0), 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind in ("FSTRING_START", "TSTRING_START"):
            start, depth = (token.start if depth == 0 else start), depth + 1
        elif kind in ("FSTRING_END", "TSTRING_END"):
            depth -= 1
            if depth == 0:
                yield _between(lines, start, token.end)
        elif kind in LAYOUT:
            if depth == 0:
                yield LAYOUT[kind]
        elif depth or kind in ("COMMENT", "NL", "ENDMARKER"):
            continue
        elif not any(first <= token.start < last for first, last in spans):
            yield token.string


def _place(lines: list[str], line: int, byte: int) -> tuple[int, int]:
    """Where a syntax tree's place, whose columns are bytes, is in the text."""
    return line, len(lines[line - 1].encode()[:byte].decode())


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    (first, left), (last, right) = start, end
    if first == last:
        return lines[first - 1][left:right]
    return "".join([lines[first - 1][left:], *lines[first : last - 1], lines[last - 1][:right]])
