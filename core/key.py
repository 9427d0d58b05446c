"""The content key of a run: a digest of what this project puts into its numbers, and of nothing else.

    key = first 12 hex digits of SHA-256 of {key version, sources, task, algorithm, options, steps}

*Sources* are the algorithm's module and ``core/run.py`` with all they import inside the project, reduced to what
Python runs: comments, docstrings, blank lines and layout do not count. The versions of libraries and the CPU
decide the last bits too; they stand beside a run (``run.json``), not in its key.
"""

import ast
import functools
import hashlib
import io
import json
import tokenize
from pathlib import Path

from core.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent
KEY_VERSION = 1


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
    """SHA-256 over the canonical text of every module that a run of ``algo`` executes.

    Read once a process: see :func:`sources_changed`. Raises UsageError where a module does not parse.
    """
    return _digest(algo, root)


def sources_changed(algo: str, root: Path = ROOT) -> bool:
    """Whether the sources on disk are no longer those that :func:`sources_digest` saw in this process."""
    return _digest(algo, root) != sources_digest(algo, root)


@functools.cache
def evaluation_key(seeds: tuple[int, ...], root: Path = ROOT) -> str:
    """What episodes of final policies depend on besides the policies: 12 hex digits of how they are played, and seeds.

    Raises UsageError where a module does not parse.
    """
    played = _digest_of([root / "core" / "play.py", root / "core" / "__init__.py"], root)
    return hashlib.sha256(f"{played}{list(seeds)}".encode()).hexdigest()[:12]


@functools.cache
def _score_sources(root: Path = ROOT) -> str:
    return _digest_of([root / "core" / "random_score.py"], root)


def score_key(task: str | dict, root: Path = ROOT) -> str:
    """What the score of an untrained policy depends on: 12 hex digits of the task, and of how it is measured."""
    return hashlib.sha256(json.dumps([_score_sources(root), task], sort_keys=True).encode()).hexdigest()[:12]


def _digest(algo: str, root: Path) -> str:
    packages = [root / package / "__init__.py" for package in ("core", "algos")]
    return _digest_of([root / "algos" / f"{algo}.py", root / "core" / "run.py", *packages], root)


def _digest_of(entries: list[Path], root: Path) -> str:
    digest = hashlib.sha256()
    for path in closure(entries, root):
        name = path.relative_to(root).as_posix()
        try:
            digest.update(f"{name}\0{canonical(path.read_bytes())}\0".encode())
        except SyntaxError as error:
            raise UsageError(f"{name}: line {error.lineno}: {error.msg}") from None
    return digest.hexdigest()


def closure(entries: list[Path], root: Path = ROOT) -> list[Path]:
    """The given files and all that they import from the project, sorted."""
    found, todo = set(), list(entries)
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += imports(path, root)
    return sorted(found)


def imports(path: Path, root: Path = ROOT) -> list[Path]:
    """Files of the project that a module names in its import statements. Raises UsageError for relative ones."""
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError:
        return []  # it is in the closure itself, whose digest reports it
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                where = f"{path.relative_to(root).as_posix()}: line {node.lineno}"
                raise UsageError(f"{where}: write imports in full (from core.x import y), not relative")
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [path for name in names if (path := root.joinpath(*name.split(".")).with_suffix(".py")).is_file()]


def canonical(source: bytes) -> str:
    """Source reduced to what Python runs, the same on every Python from 3.11 and with any line ends.

    Raises SyntaxError.
    """
    ast.parse(source)
    out, statement = [], []
    for token in _tokens(source):
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
