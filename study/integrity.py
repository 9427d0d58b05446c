"""Whether the files of a finished run are whole: as long, and to the bit, as they were written."""

import csv
import hashlib
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from study.cells import FILES, Cell, Study

STATUSES = ("finished", "diverged")


def sealed(record: dict) -> dict:
    """``run.json`` with a digest of its own."""
    return {**record, "digest": _digest_of(record)}


def damage(folder: Path, names: Sequence[str] = FILES) -> str | None:
    """What is wrong with these files of a run, None if nothing is.

    The first runs of the repository have no digest of ``run.json`` and ``policy.safetensors``: those must be there.
    """
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        if record["status"] not in STATUSES or record.get("digest") not in (None, _digest_of(record)):
            return "run.json is damaged"
        digests = record.get("digests", {})
        for name in names:
            content = (folder / name).read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            if not content or digest != digests.get(name, digest):
                return f"{name} is damaged"
    except OSError as error:
        return f"{Path(error.filename).name} cannot be read ({error.strerror})"
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return "run.json is damaged"
    return None


def damaged(studies: dict[str, Study], root: Path) -> dict[str, str]:
    """The damaged runs that a study names: what is wrong, by folder from the root of the project.

    A run that lacks a file is none: it is not finished, or somebody wants it trained again.
    """
    folders = {cell.folder(seed) for study in studies.values() for cell in study.cells for seed in cell.seeds}
    there = (folder for folder in sorted(folders) if all((root / folder / name).is_file() for name in FILES))
    return {folder: wrong for folder in there if (wrong := damage(root / folder))}


def set_aside(folders: Iterable[str], root: Path) -> None:
    """Move runs to ``work/damaged/``: then they are planned anew."""
    for folder in folders:
        target = root / "work" / "damaged" / folder
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(root / folder, target)


def stale_evaluations(studies: dict[str, Study], root: Path) -> list[str]:
    """Tables of episodes whose policies are no longer there: trained again since, or about to be."""
    cells = {cell.evaluation: cell for study in studies.values() for cell in study.cells}
    return [
        name
        for name, cell in cells.items()
        if (root / name).is_file() and played(root / name) != to_be_played(cell, root)
    ]


def played(path: Path) -> dict[str, str] | None:
    """Digest of the policy by seed, in a table of ``play/evaluate.py``; None if it is no such table."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {row["seed"]: row["policy"] for row in csv.DictReader(file)}
    except (OSError, ValueError, KeyError, csv.Error):
        return None


def to_be_played(cell: Cell, root: Path) -> dict[str, str]:
    """Digest of the policy by seed, of the cell's runs that did not diverge; "" where there is none."""
    found = {}
    for seed in cell.seeds:
        folder = root / cell.folder(seed)
        try:
            status = json.loads((folder / "run.json").read_text(encoding="utf-8"))["status"]
            if status != "diverged":
                content = (folder / "policy.safetensors").read_bytes()
                found[str(seed)] = hashlib.sha256(content).hexdigest()[:12]
        except (OSError, ValueError, KeyError):
            found[str(seed)] = ""
    return found


def _digest_of(record: dict) -> str:
    content = {name: value for name, value in record.items() if name != "digest"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
