"""The content key of a run: a digest of everything that decides its numbers, and of nothing else.

    key = first 12 hex digits of SHA-256 of {key version, sources, task, algorithm, options, steps}

*Sources* are the algorithm's module and ``core/run.py`` with all they import inside the project, reduced to what
Python runs: comments, docstrings, blank lines and layout do not count. Library versions stand beside a run
(``run.json``), not in its key. The standard library alone is imported here, since the workflow plans with it.
"""

import ast
import functools
import hashlib
import io
import json
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEY_VERSION = 1
PACKAGES = ("core", "algos")


def run_key(algo: str, task_id: str, options: dict, steps: int) -> str:
    """The key (12 hex digits) that the runs of one cell share; the seed is not part of it."""
    content = {
        "version": KEY_VERSION,
        "sources": sources_digest(algo),
        "task": task_id,
        "algo": algo,
        "options": options,
        "steps": steps,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


@functools.cache
def sources_digest(algo: str, root: Path = ROOT) -> str:
    """SHA-256 over the canonical text of every module that a run of ``algo`` executes."""
    digest = hashlib.sha256()
    packages = [root / package / "__init__.py" for package in PACKAGES]
    for path in closure([root / "algos" / f"{algo}.py", root / "core" / "run.py", *packages], root):
        digest.update(f"{path.relative_to(root).as_posix()}\0{canonical(path.read_bytes())}\0".encode())
    return digest.hexdigest()


def closure(entries: list[Path], root: Path = ROOT) -> list[Path]:
    """The given files and all that they import from the project's packages, sorted."""
    found, todo = set(), list(entries)
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += imports(path.read_bytes(), root)
    return sorted(found)


def imports(source: bytes, root: Path = ROOT) -> list[Path]:
    """Files of the project that a module names in its import statements."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []  # the run will say so itself
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    inside = [name.split(".") for name in names if name.split(".")[0] in PACKAGES]
    return [path for parts in inside if (path := root.joinpath(*parts).with_suffix(".py")).is_file()]


def canonical(source: bytes) -> str:
    """Source reduced to what Python runs, the same on every Python from 3.11 and with any line ends.

    A file that does not parse stands as it is: it breaks its own runs only.
    """
    try:
        ast.parse(source)
        tokens = list(_tokens(source))
    except (SyntaxError, tokenize.TokenError):
        return source.decode(errors="replace")
    out, statement = [], []
    for token in tokens:
        statement.append(token)
        if token == "\n":
            if len(statement) > 2 or not statement[0].endswith(("'", '"')):  # a lone string is a docstring
                out += statement
            statement = []
        elif token in ("\0indent", "\0dedent"):
            out.append(statement.pop())
    return "\1".join(out + statement)


def _tokens(source: bytes):
    """Texts of the tokens that count. From 3.12 on an f-string is many tokens; here it is always one."""
    text = io.TextIOWrapper(io.BytesIO(source), encoding="utf-8-sig").read()
    lines = io.StringIO(text).readlines()
    start, depth = None, 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind in ("FSTRING_START", "TSTRING_START"):
            start, depth = (token.start if depth == 0 else start), depth + 1
        elif kind in ("FSTRING_END", "TSTRING_END"):
            depth -= 1
            if depth == 0:
                yield _between(lines, start, token.end)
        elif depth == 0 and kind not in ("COMMENT", "NL", "ENDMARKER"):
            yield {"NEWLINE": "\n", "INDENT": "\0indent", "DEDENT": "\0dedent"}.get(kind, token.string)


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    (first, left), (last, right) = start, end
    if first == last:
        return lines[first - 1][left:right]
    return "".join([lines[first - 1][left:], *lines[first : last - 1], lines[last - 1][:right]])
