"""How methods look in figures: ``looks`` of ``studies.yaml`` has colour and line by a method's name."""

from pathlib import Path

from core.errors import UsageError
from study.config import check, load_yaml
from study.options import algorithms, nearest


def read_entries(path: Path, root: Path) -> tuple[dict, dict]:
    """The studies of ``studies.yaml``, not checked, and the looks, checked. Raises UsageError, one line."""
    entries = load_yaml(path)
    looks = entries.pop("looks", {})
    check(path, {"looks": looks}, root)
    if not entries:
        raise UsageError(f"{path.name}: the file: has no study")
    return entries, looks


def dressed(entry: dict, looks: dict) -> dict:
    """A study's entry, checked, in which each method has what it says of its look, and else what its name has."""
    methods = {name: given or {} for name, given in entry["methods"].items()}
    return entry | {
        "methods": {m: given if "sweep" in given else looks.get(m, {}) | given for m, given in methods.items()}
    }


def unknown_looks(root: Path) -> list[str]:
    """A line on each look whose name no method has: neither a file of ``algos/`` nor a line of a study."""
    entries, looks = read_entries(root / "studies.yaml", root)
    lines = [entry.get("methods") for entry in entries.values() if isinstance(entry, dict)]
    known = {*algorithms(root), *(name for methods in lines if isinstance(methods, dict) for name in methods)}
    return [f"studies.yaml: looks: {nearest(name, known)}" for name in looks if name not in known]
