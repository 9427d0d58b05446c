"""How a study was made: what of it is not there, and from where each number comes."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from analysis.data.mixed import MACHINE, counted, written
from analysis.page.cells import Run, anchor
from analysis.page.tables import Entry, Names, Table, amount, plain
from study.cells import Method, Study
from study.options import option_fields, read_fields
from study.plan import ROOT


@dataclass(frozen=True)
class Option:
    """One option of a method, as it was set."""

    name: str
    value: str
    default: str  #: where it is another
    about: str  #: what it is, and its source: the ``#:`` comment beside it


@dataclass(frozen=True)
class Settings:
    """The options of a method, or of all values of a swept line."""

    name: str
    label: str
    algo: str
    about: str  #: the first line of its module's docstring
    swept: str
    own: list[Option]
    common: list[Option]


def incomplete(study: Study, planned: Study) -> list[tuple[str, str, str]]:
    """(method, task, seeds) of the planned runs that are not there."""
    there = {(cell.method.name, cell.task): set(cell.seeds) for cell in study.cells}
    found = []
    for cell in planned.cells:
        missing = [seed for seed in cell.seeds if seed not in there.get((cell.method.name, cell.task), ())]
        if missing:
            found.append((cell.method.label, cell.task, _seeds(missing)))
    return found


def diverged(runs: list[Run]) -> list[tuple[str, str, str, str]]:
    """(method, task, what happened, the cell) of each run that diverged."""
    found = []
    for run in runs:
        if run.diverged:
            updates = run.updates()
            last = f"{int(updates['step'].max()):,}" if len(updates) else "0"
            cell = run.cell
            where = anchor(cell.task, cell.method.name)
            found.append((cell.method.label, cell.task, f"seed {run.seed}, after {last} steps", where))
    return found


def settings(study: Study, runs: list[Run]) -> list[Settings]:
    """Each method's options, from the record of its first run."""
    found, done = [], set()
    common = read_fields(ROOT / "core" / "run.py", "Common")
    for name, method in study.methods.items():
        line = method.swept.line if method.swept else name
        record = next((run.record for run in runs if run.cell.method.name == name), None)
        if record is None or line in done:
            continue
        done.add(line)
        fields, skipped = option_fields(method.algo), method.swept.option if method.swept else None
        rows: dict[str, list[Option]] = {"own": [], "common": []}
        for option, value in record["options"].items():
            field = fields.get(option)
            default = "" if field is None or field.default == value else _written(field.default)
            kind = "common" if option in common else "own"
            if option != skipped:
                rows[kind].append(Option(option, _written(value), default, field.doc if field else ""))
        label = method.swept.label if method.swept else method.label
        found.append(Settings(line, label, method.algo, _about(method), _sweep(study, method), **rows))
    return found


def facts(runs: list[Run]) -> list[tuple[str, list[str]]]:
    """What the runs' records say of where and with what they were made; each with how many runs where they differ."""
    records = [run.record for run in runs]
    libraries = dict.fromkeys(name for record in records for name in record.get("versions") or {})
    rows = [(name, [(r.get("versions") or {}).get(name, "?") for r in records]) for name in libraries]
    rows += [(called, [written(r.get(name)) for r in records]) for name, called in MACHINE.items()]
    rows += [
        ("updates", ["compiled" if r.get("compiled") else "not compiled" for r in records]),
        ("broken off and resumed", [f"{r.get('resumed') or 0} times" for r in records]),
        ("commit", [r.get("commit") or "none recorded" for r in records]),
    ]
    return [(name, counted(values)) for name, values in rows]


def runs_table(names: Names, runs: list[Run], scores: pd.DataFrame) -> Table:
    """Every run, with its key."""
    headings = [
        ("Task", ""),
        ("Method", ""),
        ("Seed", ""),
        ("Status", ""),
        ("Score", "mean return of the last 100 episodes"),
    ]
    headings += [("Episodes", ""), ("Updates", ""), ("Wall time, s", ""), ("Steps/s", ""), ("Memory, MB", "peak")]
    headings += [("Key", "of its folder: a digest of sources, task, options and budget"), ("Commit", "")]
    score = scores.set_index(["task", "method", "seed"])["last_100"]
    rows = []
    for run in runs:
        cell, r = run.cell, run.record
        measured = [
            r.get(k, float("nan"))
            for k in ("episodes", "updates", "wall_seconds", "steps_per_second", "peak_memory_mb")
        ]
        status = Entry(r["status"], r["status"], "text", look="partial" if run.diverged else "")
        first = [
            plain(cell.task),
            names.cell(cell.task, cell.method.name),
            amount(run.seed, lambda v: f"{v:g}"),
            status,
        ]
        numbers = [amount(v) for v in (score[cell.task, cell.method.name, run.seed], *measured)]
        rows.append([*first, *numbers, plain(cell.key), plain((r.get("commit") or "")[:10])])
    return Table("runs", "Every run", headings, rows)


def summary(study: Study, runs: list[Run]) -> str:
    """A line: how many runs, keys and seeds."""
    keys = len({run.cell.key for run in runs})
    seeds = _seeds(sorted({run.seed for run in runs}))
    return f"{len(runs)} run{'s' * (len(runs) > 1)} of {keys} key{'s' * (keys > 1)}, {seeds}"


def _seeds(seeds: Iterable[int]) -> str:
    seeds = list(seeds)
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return ("seed " if len(seeds) == 1 else "seeds ") + ", ".join(map(str, seeds))


def _sweep(study: Study, method: Method) -> str:
    if not method.swept:
        return ""
    values = [number_of(swept.value) for swept in study.swept[method.swept.line].values()]
    return f"{method.swept.option}: {', '.join(values)}"


def number_of(value: float) -> str:
    """An option's number as one writes it."""
    return f"{value:.12g}"


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return number_of(value) if isinstance(value, float) else str(value)


def _about(method: Method) -> str:
    text = (ROOT / "algos" / f"{method.algo}.py").read_text(encoding="utf-8")
    return text.split('"""')[1].strip().split("\n\n")[0].replace("\n", " ") if '"""' in text else ""
