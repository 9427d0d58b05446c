"""The PPO paper's Table 1, and which methods of a study are its rows."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from core.errors import UsageError
from study.cells import Method, Study
from study.key import ROOT
from study.options import nearest

FILE = "published/ppo_table1.csv"

#: By a row's objective, what PPO has there: the algorithm, the option of the row's value, and other options.
SETTINGS: dict[str, tuple[str, str, dict]] = {
    "clipping": ("ppo_clip", "epsilon", {}),
    "adaptive KL": ("ppo_kl", "target", {"adaptive": True}),
    "fixed KL": ("ppo_kl", "beta", {"adaptive": False}),
}


class Row(NamedTuple):
    """A row of the table."""

    objective: str
    value: float | None  #: of the objective's parameter
    score: float  #: mean normalised score


def rows(root: Path = ROOT) -> dict[str, Row]:
    """The rows by name, such as "clipping 0.2", in the paper's order. Raises UsageError: the file has a mistake."""
    found = {}
    try:
        with (root / FILE).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            for row in reader:
                for column in ("objective", "value", "avg_normalized_score"):
                    if row.get(column) is None:
                        raise ValueError(f"no {column!r}")
                value = _number(row["value"], "value") if row["value"] else None
                name = row["objective"] + ("" if value is None else f" {value:g}")
                found[name] = Row(row["objective"], value, _number(row["avg_normalized_score"], "avg_normalized_score"))
    except (OSError, ValueError, csv.Error) as error:
        line = "" if isinstance(error, OSError) else f"line {reader.line_num}: "
        raise UsageError(f"{FILE}: {line}{' '.join(str(error).split())}; correct it, or restore it from git") from None
    return found


def _number(text: str, column: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{column} must be a number, not {text!r}") from None


def surrogates(study: Study) -> dict[str, str]:
    """The method that is each row, of the rows that a study has."""
    return {method.row: name for name, method in study.methods.items() if method.row}


def check_rows(methods: Iterable[Method], where: str, root: Path = ROOT) -> None:
    """Raise UsageError where what methods say by ``row`` is none, two are the same, or one has other options."""
    taken: dict[str, str] = {}
    named = [method for method in methods if method.row]
    there = rows(root) if named else {}
    for method in named:
        here = f"{where}.{method.name}.row"
        if method.row not in there:
            raise UsageError(f"{here}: {nearest(method.row, there)} ({FILE})")
        if method.row in taken:
            raise UsageError(f"{here}: {method.row!r} is {taken[method.row]} already")
        taken[method.row] = method.name
        _check_options(method, there[method.row], f"{here}: {method.row!r}")


def _check_options(method: Method, row: Row, where: str) -> None:
    """Raise UsageError where a method of PPO is not what the row says. Other algorithms may be any row."""
    if row.objective not in SETTINGS or method.algo not in {algo for algo, _, _ in SETTINGS.values()}:
        return
    algo, option, others = SETTINGS[row.objective]
    if method.algo != algo:
        raise UsageError(f"{where} is of {algo}, and the algorithm is {method.algo}")
    for name, value in ({option: row.value} | others).items():
        if method.options[name] != value:
            has, needs = (str(each).lower() for each in (method.options[name], value))
            raise UsageError(f"{where} has {name} {needs}, and the method has {name} {has}")
