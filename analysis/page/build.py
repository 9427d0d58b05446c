"""One self-contained page of a study, for a browser without a network.

    python -m analysis.page STUDY

Writes ``results/STUDY/index.html`` from the study's tables and figures, from run.json and updates.parquet of its runs,
and from films, if there are any. The same files make the same bytes.
"""

import re
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from analysis.data.products import figures_of, tables_of
from analysis.data.read import Tables
from analysis.data.words import estimate, number, share
from analysis.figures.style import looks, so_far
from analysis.page import cells, films, made, svg, tables, verdicts
from core.errors import UsageError
from study.atomic import write_whole
from study.cells import Study
from study.plan import ROOT

HERE = Path(__file__).parent
LARGEST = 1_000_000  #: bytes of an SVG; of a larger one the page has the PNG


@dataclass(frozen=True)
class Figure:
    """A figure of the study, and how it was made."""

    name: str
    about: str
    caption: str
    source: str  #: a data URI
    width: int
    height: int


def make(study: Study) -> None:
    """Write the page."""
    out = ROOT / "results" / study.name
    listed, found = tables_of(study), Tables(study)
    read, curves = {name: found[name] for name in listed}, found["curves"]
    runs = cells.read(study)
    # Of a sweep's figure a colour is a line, not a value.
    colours = {name: "" if study.sweeps else colour for name, (colour, _) in looks(study).items()}
    names = tables.Names(study, read["runs"], colours)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"number": number, "breakable": _breakable}
    shown, verdict = _tables(names, listed, read, runs), verdicts.maps(names, read)
    figures = {name: _figure(study, out / "figures", name, about) for name, about in figures_of(study).items()}
    there = {"verdict": bool(verdict), "statistics": "ranking" in shown, "table1": "table1" in shown}
    html = environment.get_template("page.html").render(
        study=study,
        name=study.planned.name,
        so_far=so_far(study),
        planned=study.planned,
        total=sum(len(cell.seeds) for cell in study.planned.cells),
        lines=_lines(study.planned),
        missing=made.incomplete(study, study.planned),
        diverged=made.diverged(runs),
        runs=runs,
        short=_short(names, read),
        summary=made.summary(study, runs),
        figures=_sections(figures, there | {"cost": "cost" in shown}),
        tables=shown,
        more=[name for name in shown if name not in SHOWN and name != "runs"],
        matrix=_matrix(names, read),
        films=films.read(names, read["runs"]),
        verdict=verdict,
        cells=_cells(names, read, runs, curves, len(study.planned.seeds)),
        settings=made.settings(study, runs),
        facts=made.facts(runs),
        listed=listed,
        table1=read["table1_summary"].iloc[0].to_dict() if "table1_summary" in read else None,
        style=Markup((HERE / "style.css").read_text(encoding="utf-8")),
        script=Markup((HERE / "script.js").read_text(encoding="utf-8")),
    )
    write_whole(out / "index.html", html.encode())
    print(f"results/{study.name}/index.html: {len(html.encode()) / 1e6:.1f} MB, {len(runs)} runs")


def _lines(study: Study) -> str:
    """How many methods there are; of a study of step sizes, lines and values."""
    if lines := len(study.swept):
        return f"{lines} line{'s' * (lines > 1)} of {len(study.methods)} values"
    return f"{len(study.methods)} method{'s' * (len(study.methods) > 1)}"


def _breakable(name: str) -> Markup:
    """A name that may be broken before a capital, after an underscore and at a space, and nowhere else."""
    parts = re.split("(?<=[a-z])(?=[A-Z])|(?<=_)|(?<= )", name)
    return Markup("<wbr>").join(Markup('<span class="whole">{}</span>').format(part) for part in parts)


def _short(names: tables.Names, read: dict[str, pd.DataFrame]) -> list[str]:
    """The study in a few sentences."""
    found = []
    if len(read.get("ranking", ())) > 1:
        best = read["ranking"].iloc[0]
        label, bounded = names.method(best["method"]).text, np.isfinite(best["low"])
        iqm = read["aggregates"].query("statistic == 'iqm'").set_index("method").loc[best["method"]]
        value, low, high = iqm[["value", "low", "high"]]
        score = estimate(value, low, high, share)
        sure = f"; first in {best['p1']:.0%} of bootstrap replicates".replace("%", " %")
        sure = sure if bounded else "; of single runs, so it may be chance"
        found.append(f"Best across tasks: {label}, with an IQM of normalised scores of {score}{sure}.")
    if "verdict_summary" in read:
        known = read["verdict_summary"].query("cells > 0")
        soft = known["within"] + known["above"] - known["firm"]
        weak = [f" ({count} of them weak)" if count else "" for count in soft]
        counts = [
            f"{r.label}: {r.within + r.above} of {r.cells}{w}" for r, w in zip(known.itertuples(), weak, strict=True)
        ]
        found += ["Cells within or above what was published: " + "; ".join(counts) + "."] * bool(counts)
    return found


def _figure(study: Study, folder: Path, name: str, about: str) -> Figure:
    try:
        caption = (folder / f"{name}.txt").read_text(encoding="utf-8").strip()
        text = (folder / f"{name}.svg").read_text(encoding="utf-8")
    except OSError as error:
        path = Path(error.filename).name
        raise UsageError(f"figures/{path} is not readable ({error.strerror}); {cells.run_first(study)}") from None
    width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)[0]
    # matplotlib writes millionths of a point.
    text = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), text)
    content, kind = text.encode(), "svg+xml"
    if len(content) > LARGEST:
        content, kind = (folder / f"{name}.png").read_bytes(), "png"
    return Figure(
        name,
        about,
        caption,
        f"data:image/{kind};base64,{b64encode(content).decode()}",
        round(float(width) * 96 / 72),
        round(float(height) * 96 / 72),
    )


#: The figures of each section, in its order; those of a section that is not there, and all others, are under "More".
PLACES = {
    "curves": ("sweeps", "figure3", "curves"),
    "verdict": ("verdict", "figure3_overlay"),
    "statistics": ("aggregates", "profiles", "improvement"),
    "table1": ("table1",),
    "cost": ("cost",),
}


def _sections(figures: dict[str, Figure], there: dict[str, bool]) -> dict[str, dict[str, Figure]]:
    """The figures of each section that is there, and of "more"."""
    found = {
        section: {name: figures[name] for name in names if name in figures}
        for section, names in PLACES.items()
        if there.get(section, True)
    }
    placed = {name for some in found.values() for name in some}
    return found | {"more": {name: figure for name, figure in figures.items() if name not in placed}}


SHOWN = {
    "ranking": tables.ranking,
    "cells": tables.cells,
    "differences": tables.differences,
    "verdict": tables.verdicts,
    "table1": tables.surrogates,
    "cost": tables.cost,
    "sweeps": tables.sweeps,
}
#: Tables of which the page has a figure, or which are part of another.
ELSEWHERE = {"scores", "runs", "aggregates", "profiles", "efficiency", "verdict_summary", "table1_summary"}


def _tables(
    names: tables.Names, listed: dict[str, str], read: dict[str, pd.DataFrame], runs: list[cells.Run]
) -> dict[str, tables.Table]:
    """The tables that the page shows, by name. ``listed`` has the sentence on each."""
    found = {"runs": made.runs_table(names, runs, read["runs"])}
    for name, table in read.items():
        if name in SHOWN:
            found[name] = SHOWN[name](names, read)
        elif name not in ELSEWHERE:
            found[name] = tables.frame(names, name, listed[name].split(":")[0], table)
    return found


def _matrix(names: tables.Names, read: dict[str, pd.DataFrame]) -> list[dict]:
    """Mean score of every cell: a row a method and a column a task; of sweeps, a map a line and a column a value."""
    study = names.study
    means = (
        read["runs"]
        .groupby(["method", "task"])
        .agg(
            score=("last_100", "mean"),
            normalised=("normalised", "mean"),
            finished=("status", lambda status: (status == "finished").sum()),
        )
    )

    def shown(task: str, method: str) -> dict | None:
        if (method, task) not in means.index:
            return None
        cell = means.loc[(method, task)]
        strength = 0.0 if pd.isna(cell["normalised"]) else float(np.clip(cell["normalised"], 0, 1))
        return {
            "link": cells.anchor(task, method),
            "score": number(cell["score"]),
            "strength": round(strength, 3),
            "finished": int(cell["finished"]),
        }

    ids = [about.id for about in study.tasks.values()]
    if not study.sweeps:
        rows = [(names.method(m), [shown(task, m) for task in study.tasks]) for m in study.methods]
        return [{"heading": "", "columns": ids, "rows": rows}]
    found = []
    for mine in study.swept.values():
        rows = [(tables.plain(task.id), [shown(name, method) for method in mine]) for name, task in study.tasks.items()]
        first = next(iter(mine.values()))
        columns = [f"{swept.value:g}" for swept in mine.values()]
        found.append({"heading": f"{first.label}, {first.option}", "columns": columns, "rows": rows})
    return found


def _cells(
    names: tables.Names, read: dict[str, pd.DataFrame], runs: list[cells.Run], curves: pd.DataFrame, seeds: int
) -> dict[str, list[dict]]:
    """By task: every cell's panels and runs, of so many seeds that it should have."""
    study, found = names.study, {}
    published, judged = cells.published_of(study), verdicts.signs(read)
    curves = curves.assign(seen=curves["return"].where(np.isfinite(curves["return"])))
    # Of all seeds or none: a mean over those that are left when one diverges would flatter.
    seen = curves.groupby(["task", "method", "step"])["seen"].agg(["mean", "count", "size"])
    means = seen["mean"].where(seen["count"] == seen["size"])
    scores = read["runs"].set_index(["task", "method", "seed"]).sort_index()
    for (task, method), mine in curves.groupby(["task", "method"]):
        cell = study.cell(task, method)
        here = [run for run in runs if run.cell is cell]
        panels = cells.panels(study, here, mine, published.get((task, method), []))
        rows, mean = scores.loc[(task, method)], means[task, method]
        span = (min(study.tasks[task].random_score, means[task].min()), means[task].max())
        found[task, method] = {
            "anchor": cells.anchor(task, method),
            "cell": cell,
            "method": names.uncounted(method),
            "score": number(rows["last_100"].mean()),
            "finished": sum(not run.diverged for run in here),
            "of": seeds,
            "runs": here,
            "rows": rows,
            "panels": [(p.title, Markup(text)) for p in panels if (text := p.svg(study.steps))],
            "spark": Markup(svg.spark(mean.index.to_numpy(), mean.to_numpy(), study.steps, span)),
            "published": [label for label, _ in published.get((task, method), [])],
            "verdicts": judged.get((task, method), []),
        }
    order = [(cell.task, cell.method.name) for cell in study.cells]
    return {task: [found[key] for key in order if key[0] == task] for task in study.tasks}
