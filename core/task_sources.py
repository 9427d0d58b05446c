"""The files of a task that is the user's own: they decide the numbers of its runs, and so are part of their key.

A task of an installed package has none here: the package's version stands in ``run.json``, as Gymnasium's does.
"""

import ast
import hashlib
import importlib
import importlib.machinery
import importlib.util
import json
import re
import sys
from pathlib import Path

from core.errors import UsageError
from core.sources import Digests, closure

INSTALLED = ("site-packages", "dist-packages")  #: folders that pip and Debian install packages into
NAMED = re.compile(r'\b(?:file|meshdir|texturedir|assetdir)="([^"]+)"')  #: what a model's XML names


def task_digest(task: str | dict, root: Path) -> str | None:
    """SHA-256 of the files that a task's modules and envs.yaml name; None where there are none.

    ``task`` is Gymnasium's id or a mapping with ``id`` and, where given, ``wrappers`` and ``files``. Raises UsageError
    where a file is missing or does not parse.
    """
    given = {"id": task} if isinstance(task, str) else task
    digest, found = hashlib.sha256(), False
    for module in modules(given):
        if place := own(module, root):
            found = True
            digest.update(json.dumps(_content(*place, root)).encode())
    for name in given.get("files", ()):
        found = True
        try:
            digest.update(hashlib.sha256((root / name).read_bytes()).digest())
        except OSError as error:
            raise UsageError(f"envs.yaml: {given['id']}: files: {name}: {error.strerror}") from None
    return digest.hexdigest() if found else None


def task_files(task: str | dict, root: Path) -> set[Path]:
    """The files that :func:`task_digest` reads, resolved."""
    given = {"id": task} if isinstance(task, str) else task
    found = {(root / name).resolve() for name in given.get("files", ())}
    for module in modules(given):
        if place := own(module, root):
            python, others = _files(*place, root)
            found |= {path.resolve() for path in (*python, *others)}
    return found


def check_model(model: str | None, task: str | dict, root: Path) -> None:
    """Raise UsageError where the file that a task's model was read from is not part of the key."""
    if model is None or set(Path(model).parts) & set(INSTALLED):
        return
    if Path(model).resolve() not in task_files(task, root):
        name = task if isinstance(task, str) else task["id"]
        shown = Path(model).relative_to(root) if Path(model).is_relative_to(root) else model
        raise UsageError(f"envs.yaml: {name}: an edit of its model would not be seen: add files: [{shown}]")


def modules(given: dict) -> list[str]:
    """The modules that make the task: of its id (``module:Task-v0``) and of its wrappers (``module:Class``)."""
    wrappers = [name for entry in given.get("wrappers", ()) for name in (entry if isinstance(entry, dict) else [entry])]
    return [name.partition(":")[0] for name in (given["id"], *wrappers) if ":" in name]


def own(module: str, root: Path) -> tuple[Path, Path] | None:
    """The file of a module, and the folder that Python finds it in; None for an installed package's, or no module.

    A package is its ``__init__.py``. Nothing is imported.
    """
    top, *rest = module.split(".")
    if top in sys.stdlib_module_names:
        return None
    importlib.invalidate_caches()
    spec = importlib.machinery.PathFinder.find_spec(top, [str(root), *sys.path]) or _found_otherwise(top)
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    place = Path(spec.origin) if spec.origin else Path(folders[0]) / "__init__.py" if folders else None
    if place is None or not place.parent.is_dir() or set(place.parts) & set(INSTALLED):
        return None
    base = place.parents[1] if folders else place.parent
    inside = base.joinpath(top, *rest)
    for file in (inside / "__init__.py", inside.with_suffix(".py")):
        if file.is_file():
            return file, base
    return None


def _found_otherwise(top: str) -> importlib.machinery.ModuleSpec | None:
    """By a finder of its own, as pip's for a package that is edited in its place."""
    try:
        return importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None


def _files(file: Path, base: Path, root: Path) -> tuple[list[Path], list[Path]]:
    """The modules that a module runs, and other files that it names, such as a model's XML and its meshes."""
    entries = [file]
    top = base / file.relative_to(base).parts[0]
    if top.is_dir():  # of a package all modules: register() names a class in a string
        entries += [path for path in sorted(top.rglob("*.py")) if path != file]
    python = closure(entries, [base, root])
    others: set[Path] = set()
    for path in python:
        if not path.is_relative_to(root / "core"):
            others |= _named(path.parent, _strings(path)) - set(python)
    todo = list(others)
    while todo:
        path = todo.pop()
        if path.suffix.lower() in (".xml", ".mjcf", ".urdf"):
            more = _named(path.parent, NAMED.findall(path.read_text(encoding="utf-8", errors="replace"))) - others
            others |= more
            todo += more
    return python, sorted(others)


def _content(file: Path, base: Path, root: Path) -> list:
    """What decides: digests of modules, and of other files with their names."""
    digests = Digests([base, root])
    first = [digests.of(file)]
    python, others = _files(file, base, root)
    rest = sorted(digests.of(path) for path in python if path != file)
    return [first, rest, sorted([path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in others)]


def _strings(path: Path) -> list[str]:
    """The strings of a module that could be a file's name, or a folder's."""
    try:
        nodes = list(ast.walk(ast.parse(path.read_bytes())))
    except SyntaxError:
        return []  # its digest reports it
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return sorted(text for text in texts if 0 < len(text) < 200 and text.isprintable())


def _named(folder: Path, names: list[str]) -> set[Path]:
    """The files in ``folder``, or in folders that are named as well, that go by one of the names."""
    folders = [folder, *(place for name in names if name.strip("./") and (place := folder / name).is_dir())]
    return {file for place in folders for name in names if _is_file(file := place / name)}


def _is_file(path: Path) -> bool:
    try:
        return path.is_file() and path.suffix != ".py"
    except (OSError, ValueError):
        return False
