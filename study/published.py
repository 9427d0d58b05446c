"""What was published, as far as a plan needs it: the sources of ``published/`` and the rows of the PPO paper's Table 1.

A source is a file ``published/NAME.yaml``; ``published/README.md`` has the grammar.
``analysis/data/published.py`` reads its numbers.
"""

import csv
import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import UsageError
from study.cells import Method, Study
from study.config import check, load_yaml
from study.key import ROOT
from study.options import nearest


@dataclass(frozen=True)
class Source:
    """A published set of learning curves, or of numbers: curves of a point."""

    name: str
    label: str  #: for figures
    year: int  #: sources stand in its order
    metric: str  #: the column of ``runs.csv`` that means the same of our runs
    names: Mapping[str, str]  #: from a method's ``published`` to the algorithm's name in the data
    spread: str  #: its band: "band" (kind not stated), "deviation" (standard deviation over seeds) or "none"
    returns: str  #: what its returns are of: "training" episodes or "test" episodes
    seeds: int | None = None  #: how many it averages, where it says so
    curves: str | None = None  #: a file of ``published/curves/``
    rows: str | None = None  #: or the source's name in ``published/returns.csv``
    part_of: str | None = None  #: of another metric of the same data (``also``): the source that has it

    @property
    def file(self) -> str:
        """Its file, from the root of the project."""
        return f"published/{self.part_of or self.name}.yaml"


def read_sources(root: Path = ROOT) -> tuple[dict[str, Source], dict[str, str]]:
    """The sources by name, in the order of their years, and one line on each file that is none, by the file's name."""
    found: dict[str, Source] = {}
    broken = {}
    for path in sorted((root / "published").glob("*.yaml")):
        try:
            mine = _read(path, root)
            for name in found.keys() & mine.keys():
                raise UsageError(f"{path.name}: {name!r} is of {found[name].file} already")
            found |= mine
        except UsageError as error:
            broken[path.stem] = f"published/{error}"
    return dict(sorted(found.items(), key=lambda item: item[1].year)), broken


def _read(path: Path, root: Path) -> dict[str, Source]:
    entry = load_yaml(path)
    check(path, entry, root, schema="published")
    there = [file.name for file in (root / "published/curves").glob("*.csv")]
    if "curves" in entry and entry["curves"] not in there:
        raise UsageError(f"{path.name}: curves: {nearest(entry['curves'], there)} (a file of published/curves/)")
    also = entry.pop("also", {})
    for unused in ("reference", "settings"):  # for the reader
        entry.pop(unused, None)
    first = Source(name=path.stem, **entry)
    others = {name: dataclasses.replace(first, name=name, part_of=first.name, **new) for name, new in also.items()}
    return {first.name: first} | others


def table1_rows(root: Path = ROOT) -> dict[str, float]:
    """The rows of the PPO paper's Table 1 in its order, such as "clipping 0.2", with their scores."""
    with (root / "published/ppo_table1.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [row["objective"] + (f" {float(row['value']):g}" if row["value"] else "") for row in rows]
    return {name: float(row["avg_normalized_score"]) for name, row in zip(names, rows, strict=True)}


def surrogates(study: Study) -> dict[str, str]:
    """The method that is each row of Table 1, of the rows that a study has."""
    return {method.row: name for name, method in study.methods.items() if method.row}


def check_published(methods: Iterable[Method], where: str, root: Path = ROOT) -> None:
    """Raise UsageError where what methods say by ``published`` or ``row`` is none, or two are the same row."""
    taken: dict[str, str] = {}
    sources, broken = read_sources(root) if any(method.published for method in methods) else ({}, {})
    for method in methods:
        here = f"{where}.{method.swept.line if method.swept else method.name}"
        if method.published:
            _check_names(method.published, sources, broken, f"{here}.published")
        if method.row:
            if method.row not in (rows := table1_rows(root)):
                raise UsageError(f"{here}.row: {nearest(method.row, rows)} (published/ppo_table1.csv)")
            if method.row in taken:
                raise UsageError(f"{here}.row: {method.row!r} is {taken[method.row]} already")
            taken[method.row] = method.name


def _check_names(published: str | dict[str, str], sources: dict, broken: dict, where: str) -> None:
    if isinstance(published, str):
        valid = {name for source in sources.values() for name in source.names}
        if published not in valid:
            raise UsageError(next(iter(broken.values()), f"{where}: {nearest(published, valid)} (published/*.yaml)"))
        return
    for source, name in published.items():
        if source in broken:
            raise UsageError(broken[source])
        if source not in sources:
            raise UsageError(f"{where}: {nearest(source, sources)} (published/*.yaml)")
        if name not in sources[source].names:
            raise UsageError(f"{where}.{source}: {nearest(name, sources[source].names)} ({sources[source].file})")
