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
from study.sources import Digests, closure

INSTALLED = ("site-packages", "dist-packages")  #: folders that pip and Debian install packages into
NAMED = re.compile(r"""\b(?:file\w*|\w+dir)\s*=\s*["']([^"']+)["']""")  #: what a model's XML names
MODELS = (".xml", ".mjcf", ".urdf")
#: Endings of files that a task reads when its modules name them; others are named in envs.yaml (``files``).
DATA = (*MODELS, ".stl", ".obj", ".msh", ".png", ".json", ".yaml", ".yml", ".toml", ".npy", ".npz")
CLASS = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")  #: a class in a text, as register() takes it


def task_digest(task: str | dict, root: Path) -> str | None:
    """SHA-256 of the files that a task's modules and envs.yaml name; None where there are none.

    ``task`` is a spec (``core/envs/spec.py``). Raises UsageError where a file is missing or does not parse.
    """
    given, places = _places(task, root)
    content: list[list] = []
    for file, base in places:
        digests = Digests([base, root])
        content.append(
            [digests.of(file), sorted(digests.of(path) for path in _python(file, base, root) if path != file)]
        )
    others = []
    for path in _others(given, places, root):
        try:
            others.append([path.name, hashlib.sha256(path.read_bytes()).hexdigest()])
        except OSError as error:
            raise UsageError(f"envs.yaml: {given['id']}: files: {_shown(path, root)}: {error.strerror}") from None
    content += sorted(others)  # by name: where the checkout lies does not count
    return hashlib.sha256(json.dumps(content).encode()).hexdigest() if content else None


def task_files(task: str | dict, root: Path) -> set[Path]:
    """The files that :func:`task_digest` reads, resolved."""
    given, places = _places(task, root)
    python = {path for place in places for path in _python(*place, root)}
    return {path.resolve() for path in python | _others(given, places, root)}


def check_files(files: list[str], task: str | dict, root: Path) -> None:
    """Raise UsageError for a file, of a module or a model, that is of no installed package and not part of the key."""
    known = None
    for file in files:
        if set(Path(file).parts) & set(INSTALLED) or Path(file).is_relative_to(sys.base_prefix):
            continue
        known = task_files(task, root) if known is None else known
        path = Path(file).resolve()
        if path not in known and not any(path.is_relative_to(root / room) for room in ("core", "algos")):
            name = task if isinstance(task, str) else task["id"]
            shown = _shown(path, root)
            raise UsageError(f"envs.yaml: {name}: runs would not see an edit of a file of its: add files: [{shown}]")


def _places(task: str | dict, root: Path) -> tuple[dict, list[tuple[Path, Path]]]:
    """The spec as a mapping, and where those of its modules lie that are the user's own."""
    given = {"id": task} if isinstance(task, str) else task
    return given, [place for module in modules(given) if (place := own(module, root))]


def _shown(path: Path, root: Path) -> str:
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


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


def _python(file: Path, base: Path, root: Path) -> list[Path]:
    """The modules that a module runs: those it imports, and those that it names, as ``register()`` does, by a class."""
    entries = {file}
    found: list[Path] = []
    top = base / file.relative_to(base).parts[0]
    if top.is_dir():  # of a package all modules
        entries |= set(top.rglob("*.py"))
    while entries - set(found):
        found = closure(sorted(entries | set(found)), [base, root])
        named = {
            text.partition(":")[0] for path in _beside(found, root) for text in _strings(path) if CLASS.fullmatch(text)
        }
        entries = {place[0] for name in named if (place := own(name, root)) and place[1] in (base, root)}
    return found


def _others(given: dict, places: list[tuple[Path, Path]], root: Path) -> set[Path]:
    """Files that are no modules: those of ``files``, those that the modules name, and what models among them name."""
    found = {root / name for name in given.get("files", ())}
    for file, base in places:
        for path in _beside(_python(file, base, root), root):
            found |= _named(path.parent, [text for text in _strings(path) if not Path(text).is_absolute()])
    todo = list(found)
    while todo:
        path = todo.pop()
        if path.suffix.lower() in MODELS and path.is_file():
            names = NAMED.findall(path.read_text(encoding="utf-8", errors="replace"))
            more = _named(path.parent, names) - found
            found |= more
            todo += more
    return found


def _beside(paths: list[Path], root: Path) -> list[Path]:
    """Modules of the task's, and not of the project's core."""
    return [path for path in paths if not path.is_relative_to(root / "core")]


def _strings(path: Path) -> list[str]:
    """The strings of a module that could be a file's name, or a folder's."""
    try:
        nodes = list(ast.walk(ast.parse(path.read_bytes())))
    except (SyntaxError, ValueError):
        return []  # its digest reports it
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return sorted(text for text in texts if 0 < len(text) < 200 and text.isprintable())


def _named(folder: Path, names: list[str]) -> set[Path]:
    """The files in ``folder``, or in folders that are named as well, that go by one of the names."""
    folders = [folder, *(place for name in names if name.strip("./") and (place := folder / name).is_dir())]
    return {file for place in folders for name in names if _is_data(file := place / name)}


def _is_data(path: Path) -> bool:
    try:
        return path.suffix.lower() in DATA and path.is_file()
    except (OSError, ValueError):
        return False
