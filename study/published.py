"""The sources of ``published/``, as far as a plan needs them.

A source is a file ``published/NAME.yaml``; ``published/README.md`` has the grammar.
``analysis/data/published.py`` reads its numbers.
"""

import csv
import dataclasses
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import UsageError
from study.cells import Method
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

    @property
    def data(self) -> str:
        """The file of its numbers, likewise."""
        return f"published/curves/{self.curves}" if self.curves else "published/returns.csv"

    def of(self, method: Method) -> str | None:
        """The algorithm in its data that a method is compared with; None where there is none."""
        return self.names.get(method.published_in(self.name) or "")


CURVES = ("task", "source_task_id", "algorithm", "timestep", "return_mean")  #: columns of a file of curves
ROWS = ("source", "task", "source_task_id", "algorithm", "timesteps", "mean", "spread")  #: and of returns.csv
DEVIATION, BAND = ("return_std_over_seeds",), ("band_low", "band_high")  #: and those of a spread, of curves


def read_sources(root: Path = ROOT) -> tuple[dict[str, Source], dict[str, str]]:
    """The sources by name, in the order of their years, and one line on each file that is none, by the file's name."""
    found: dict[str, Source] = {}
    broken = {}
    for path in sorted((root / "published").glob("*.yaml")):
        try:
            mine = _read(path, root)
            for name in found.keys() & mine.keys():
                raise UsageError(f"{path.name}: {name!r} is of {found[name].file} already")
        except UsageError as error:
            broken[path.stem] = f"published/{error}"
            continue
        try:
            check_data(mine[path.stem], root)
            found |= mine
        except UsageError as error:
            broken[path.stem] = str(error)
    return dict(sorted(found.items(), key=lambda item: item[1].year)), broken


def check_data(source: Source, root: Path = ROOT) -> None:
    """Raise UsageError where the data have not the rows, the columns or the algorithms that a source names."""
    try:
        path = root / source.data
        about = path.stat()
        columns, algorithms = _contents(path, about.st_mtime_ns, about.st_size)
    except (OSError, ValueError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{source.data}: cannot be read: {reason}; correct it, or restore it from git") from None
    for name in ROWS if source.rows else CURVES:
        if name not in columns:
            raise UsageError(f"{source.data}: has no column {name!r}, which {source.file} needs")
    spreads: dict[str, list[tuple[str, ...]]] = {"band": [BAND], "deviation": [DEVIATION, BAND], "none": [()]}
    ways = spreads[source.spread]
    if source.curves and not any(columns >= set(way) for way in ways):
        needed = ", or ".join(" and ".join(way) for way in ways)
        raise UsageError(f"{source.file}: spread: {source.spread} needs the columns {needed} ({source.data})")
    there = algorithms.keys() if source.rows else [""]
    if (rows := source.rows or "") not in there:
        raise UsageError(f"{source.file}: rows: {nearest(rows, there)} ({source.data})")
    for name, theirs in source.names.items():
        if theirs not in algorithms[rows]:
            raise UsageError(f"{source.file}: names.{name}: {nearest(theirs, algorithms[rows])} ({source.data})")


@functools.cache
def _contents(path: Path, changed: int, size: int) -> tuple[set[str], dict[str, set[str]]]:
    """A table's columns, and its algorithms by what it says of their source: nothing, in a file of curves."""
    algorithms: dict[str, set[str]] = {"": set()} if path.parent.name == "curves" else {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        columns = set(reader.fieldnames or ())
        for row in reader:
            source = "" if path.parent.name == "curves" else row.get("source") or ""
            algorithms.setdefault(source, set()).add(row.get("algorithm") or "")
    return columns, algorithms


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


def check_published(methods: Iterable[Method], where: str, root: Path = ROOT) -> None:
    """Raise UsageError where no source knows what methods say by ``published``."""
    named = [method for method in methods if method.published]
    sources, broken = read_sources(root) if named else ({}, {})
    for method in named:
        line = method.swept.line if method.swept else method.name
        _check_names(method.published, sources, bool(broken), f"{where}.{line}.published")


def _check_names(published: str | dict[str, str] | None, sources: dict, incomplete: bool, where: str) -> None:
    """Raise UsageError for a name that no source has; not for one that a source with a mistake may have."""
    if isinstance(published, str):
        valid = {name for source in sources.values() for name in source.names}
        if published not in valid and not incomplete:
            raise UsageError(f"{where}: {nearest(published, valid)} (published/*.yaml)")
        return
    for source, name in (published or {}).items():
        if source in sources:
            if name not in sources[source].names:
                raise UsageError(f"{where}.{source}: {nearest(name, sources[source].names)} ({sources[source].file})")
        elif not incomplete:
            raise UsageError(f"{where}: {nearest(source, sources)} (published/*.yaml)")
