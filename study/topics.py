"""The topics of the lectures: modules of ``lecture/`` that have ``table()`` and ``draw(table)``; others help these."""

import re
from pathlib import Path


def topics(root: Path) -> tuple[list[str], dict[str, str]]:
    """The names of the topics, sorted, and a line on each module that draws without a table, by name."""
    found, wrong = [], {}
    for path in sorted((root / "lecture").glob("*.py")):
        functions = set(re.findall(r"^def (\w+)\(", path.read_text(encoding="utf-8"), re.M))
        if {"table", "draw"} <= functions:
            found.append(path.stem)
        elif "draw" in functions:
            wrong[path.stem] = f"lecture/{path.name}: has draw(table) and no table()"
    return found, wrong
