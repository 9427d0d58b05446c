"""The Python files of the checkout, and what they import."""

import ast
from collections.abc import Iterator
from pathlib import Path

from study.plan import ROOT

FOLDERS = ("core", "algos", "study", "train", "play", "lecture", "analysis", "tests", "tools", "benchmarks")
SOURCES = [p for folder in FOLDERS for p in sorted((ROOT / folder).rglob("*.py"))]


def module_of(path: Path) -> str:
    """``core.envs.vector`` for ``core/envs/vector.py``, ``core`` for ``core/__init__.py``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in SOURCES}


def imported(text: str) -> Iterator[str]:
    """Names of the modules that a source imports, wherever in it; of a package's, the module and not the package."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide who imports whom"
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                yield below if below in MODULES else node.module


def imports_of(path: Path) -> set[str]:
    """What a file imports."""
    return set(imported(path.read_text(encoding="utf-8")))
