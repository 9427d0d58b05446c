"""The Python files of the checkout, and what they import."""

import ast

from study.plan import ROOT

FOLDERS = ("core", "algos", "study", "train", "play", "lecture", "analysis", "tests", "tools", "benchmarks")
SOURCES = [p for folder in FOLDERS for p in sorted((ROOT / folder).rglob("*.py"))]


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not followed by the content key"
            yield node.module
