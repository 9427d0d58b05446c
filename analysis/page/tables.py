"""The study's tables as the page shows them: readable headings, an estimate and its interval in one cell."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis.data import words
from analysis.data.words import chance, finished_label, number, share
from analysis.page.cells import anchor
from study.cells import Study


@dataclass(frozen=True)
class Entry:
    """What stands in one place of a table."""

    text: str
    sort: float | str  #: by what its column is sorted
    kind: str = "number"  #: or "text", "method", "verdict": how it is drawn
    link: str = ""  #: the cell it leads to
    look: str = ""  #: a method's colour, or a verdict's class


@dataclass(frozen=True)
class Table:
    """Headings (with what they mean) and rows."""

    name: str  #: of the file it shows, ``results/<study>/tables/<name>.csv``
    about: str
    headings: list[tuple[str, str]]
    rows: list[list[Entry]] = field(default_factory=list)


@dataclass(frozen=True)
class Names:
    """What methods are called and look like."""

    study: Study
    runs: pd.DataFrame  #: runs.csv
    colours: dict[str, str]

    def method(self, name: str) -> Entry:
        """A method, with "(9/10)" where runs of it diverged."""
        return self._entry(name, finished_label(self.study, name, self.runs))

    def cell(self, task: str, name: str) -> Entry:
        """A method that leads to its cell, with "(1/2)" where runs of that diverged."""
        runs = self.runs[self.runs["task"] == task]
        return self._entry(name, finished_label(self.study, name, runs), anchor(task, name))

    def uncounted(self, name: str, link: str = "") -> Entry:
        """A method, where what stands beside it counts its runs."""
        return self._entry(name, self.study.methods[name].label, link)

    def _entry(self, name: str, label: str, link: str = "") -> Entry:
        return Entry(label, label.lower(), "method", link, self.colours[name])


def plain(text: object) -> Entry:
    """Words."""
    return Entry(str(text), str(text).lower(), "text")


def amount(value: float, form: Callable[[float], str] = number) -> Entry:
    """A number; one that is missing is sorted last."""
    value = float(value)
    return Entry(form(value), value if np.isfinite(value) else "")


def estimate(value: float, low: float, high: float, form: Callable[[float], str] = number) -> Entry:
    """A value with the ends of its interval, where it has one that is not a point."""
    return Entry(words.estimate(value, low, high, form), float(value) if np.isfinite(value) else "")


def count(some: int, of: int) -> Entry:
    """Some of all, such as 9/10; sorted by the share."""
    return Entry(f"{some:g}/{of:g}", some / of if of else -1.0, look="partial" if some < of else "")


def ranking(names: Names, table: dict[str, pd.DataFrame]) -> Table:
    """Every method across tasks."""
    headings = [
        ("Method", "in brackets, where runs diverged: how many did not, of all"),
        ("IQM", "mean of the middle half of all runs' normalised scores, with its 95 % interval"),
        ("Median", "over tasks, of the mean normalised score"),
        ("Mean", "of normalised scores: the score of PPO Table 1"),
        ("Rank", "by IQM: its mean over bootstrap replicates, and 95 % interval"),
        ("P(best)", "share of bootstrap replicates in which the method has the best IQM"),
    ]
    values = table["aggregates"].set_index(["method", "statistic"])
    rows = []
    for row in table["ranking"].itertuples():
        three = values.loc[[(row.method, s) for s in ("iqm", "median", "mean")], ["value", "low", "high"]].to_numpy()
        estimates = [estimate(value, low, high, share) for value, low, high in three]
        known = np.isfinite(row.low)
        rank = estimate(row.rank, row.low, row.high, lambda v: f"{v:.2g}")
        rows.append([names.method(row.method), *estimates, rank, amount(row.p1 if known else np.nan, share)])
    return Table(
        "ranking", "Methods across tasks, normalised: 0 an untrained policy, 1 the best run of a task", headings, rows
    )


def cells(names: Names, table: dict[str, pd.DataFrame]) -> Table:
    """Every score of every cell."""
    headings = [
        ("Task", ""),
        ("Method", "leads to the cell"),
        ("Finished", "runs that did not diverge, of all"),
        ("Score", "mean return of the last 100 training episodes (PPO paper), with Student's 95 % interval over seeds"),
        ("Lowest", "seed"),
        ("Highest", "seed"),
        ("Normalised", "0 an untrained policy, 1 the best run of the task"),
        ("Last tenth", "mean return over the last tenth of the budget"),
        ("Area", "mean return over the whole budget"),
        ("Maximum", "of the learning curve; optimistic"),
        (
            "Steps to half",
            "until the curve is half way from an untrained policy to the best run; in brackets: seeds that got there",
        ),
    ]
    known = "task method runs finished mean low high deviation lowest highest normalised last_tenth area maximum"
    others = [c for c in table["cells"] if c not in (*known.split(), "reached_half", "steps_to_half")]
    headings += [(_words(column), "") for column in others]
    rows = []
    for r in table["cells"].itertuples():
        half = amount(r.steps_to_half)
        half = Entry(f"{half.text} ({r.reached_half:g}/{r.runs})", half.sort)
        scores = [amount(v) for v in (r.last_tenth, r.area, r.maximum)]
        ends = [amount(r.lowest), amount(r.highest), amount(r.normalised, share)]
        mean = estimate(r.mean, r.low, r.high)
        method = names.uncounted(r.method, anchor(r.task, r.method))
        first = [plain(r.task), method, count(r.finished, r.runs)]
        rows.append([*first, mean, *ends, *scores, half, *(amount(getattr(r, column)) for column in others)])
    return Table("cells", "Every score of every cell", headings, rows)


def differences(names: Names, table: dict[str, pd.DataFrame]) -> Table:
    """Every pair of methods on a task."""
    headings = [
        ("Task", ""),
        ("A", ""),
        ("B", ""),
        ("A − B", "difference of the mean scores, with Welch's 95 % interval"),
        ("Welch p", "after Holm's correction over all pairs on the task"),
        ("Permutation p", "after Holm's correction"),
        ("Smallest p", "that a permutation test of so many seeds can give, before correction"),
        ("Hedges' g", "the difference in standard deviations"),
        ("P(A > B)", "probability that a run of A beats one of B"),
        ("Detectable", "the difference that Welch's test at 5 % would have found with 80 % probability"),
        ("… corrected", "the same at the level of the first step of Holm's correction"),
    ]
    rows = []
    for r in table["differences"].itertuples():
        tests = [amount(v, chance) for v in (r.welch_holm, r.permutation_holm, r.smallest_p)]
        effects = [amount(r.hedges_g, share), amount(r.superiority, share)]
        effects += [amount(r.detectable), amount(r.detectable_holm)]
        pair = [names.cell(r.task, r.a), names.cell(r.task, r.b)]
        rows.append([plain(r.task), *pair, estimate(r.difference, r.low, r.high), *tests, *effects])
    return Table("differences", "Every pair of methods on a task", headings, rows)


def verdicts(names: Names, table: dict[str, pd.DataFrame]) -> Table:
    """Every cell that a source has."""
    headings = [
        ("Source", ""),
        ("Task", ""),
        ("Method", ""),
        ("Verdict", "of the 95 % interval of the difference; weak: it says little, for so few seeds"),
        ("Ours", "mean and 95 % interval"),
        ("Theirs", "mean and interval"),
        ("Difference", "and its 95 % interval"),
        ("Their task", "version"),
    ]
    label = table["verdict_summary"].set_index("source")["label"]
    rows = []
    for r in table["verdict"].query("verdict != 'no data'").itertuples():
        word = Entry(r.verdict + ", weak" * bool(r.weak), r.verdict + "~" * bool(r.weak), "verdict", look=r.verdict)
        sides = [estimate(r.ours, r.ours_low, r.ours_high), estimate(r.theirs, r.theirs_low, r.theirs_high)]
        both = [word, *sides, estimate(r.difference, r.low, r.high), plain(r.version)]
        rows.append([plain(label[r.source]), plain(r.task), names.cell(r.task, r.method), *both])
    return Table("verdict", "Every cell that a source has", headings, rows)


def surrogates(names: Names, table: dict[str, pd.DataFrame]) -> Table:
    """The rows of the PPO paper's Table 1."""
    headings = [("Surrogate", ""), ("Ours", "mean normalised score, with its bootstrap interval"), ("PPO paper", "")]
    headings += [("Our rank", "of those here"), ("Paper's rank", "of those here")]
    rows = [
        [
            names.method(r.method),
            estimate(r.ours, r.low, r.high, share),
            *(amount(v, f) for v, f in ((r.paper, share), (r.rank, "{:g}".format), (r.paper_rank, "{:g}".format))),
        ]
        for r in table["table1"].itertuples()
    ]
    return Table("table1", "The surrogates of the PPO paper's Table 1", headings, rows)


def cost(names: Names, table: dict[str, pd.DataFrame]) -> Table:
    """What every cell took."""
    headings = [
        ("Task", ""),
        ("Method", ""),
        ("Wall time, s", "median over seeds; in brackets the shortest and longest"),
        ("Steps/s", "median"),
        ("Memory, MB", "the largest peak"),
        ("Compiled", "runs whose updates were"),
        ("Processor", ""),
    ]
    rows = []
    for r in table["cost"].itertuples():
        time = Entry(f"{number(r.wall_seconds)} ({number(r.wall_lowest)}–{number(r.wall_highest)})", r.wall_seconds)
        rest = [amount(r.steps_per_second), amount(r.peak_memory_mb), count(r.compiled, r.runs), plain(r.cpus)]
        rows.append([plain(r.task), names.cell(r.task, r.method), time, *rest])
    return Table("cost", "Wall time, speed and memory", headings, rows)


def sweeps(names: Names, table: dict[str, pd.DataFrame]) -> Table:
    """Each value of each line of a study of step sizes, over its seeds."""
    headings = [("Task", ""), ("Method", "leads to the cell"), ("Option", ""), ("Value", "")]
    headings += [
        ("Finished", "runs that did not diverge, of all"),
        ("Score", "mean over seeds; none where a run diverged"),
        ("KL", "mean of all updates"),
    ]
    rows = []
    for (task, method, option, value), some in table["sweeps"].groupby(
        ["task", "method", "option", "value"], sort=False
    ):
        finished = (some["status"] == "finished").sum()
        done = count(finished, len(some))
        score = some["score"].mean() if finished == len(some) else np.nan
        means = [amount(score), amount(some["kl"].mean(), lambda v: f"{v:.3g}")]
        rows.append(
            [
                plain(task),
                names.uncounted(method, anchor(task, method)),
                plain(option),
                amount(value, lambda v: f"{v:g}"),
                done,
                *means,
            ]
        )
    return Table("sweeps", "Each value, over its seeds", headings, rows)


def frame(names: Names, name: str, about: str, table: pd.DataFrame) -> Table:
    """Any other table, as it is."""
    numeric = [pd.api.types.is_numeric_dtype(table[column]) for column in table]

    def shown(value: Any, is_number: bool) -> Entry:
        if is_number:
            return amount(value)
        return names.method(value) if value in names.study.methods else plain(value)

    rows = [[shown(*pair) for pair in zip(row, numeric, strict=True)] for row in table.itertuples(index=False)]
    return Table(name, about, [(_words(column), "") for column in table], rows)


def _words(column: str) -> str:
    return column.replace("_", " ").capitalize()
