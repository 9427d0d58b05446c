"""The verdict of every cell as Markdown, for docs/reproduction-cells.md: ours beside each published source.

python -m analysis.terminal.reproduction_cells figure3 > docs/reproduction-cells.md
"""

import pandas as pd

from analysis.data.runs import main
from analysis.data.words import estimate
from core.errors import UsageError
from study.cells import Study
from study.plan import ROOT

MARK = {"within": "=", "above": "↑", "below": "**↓**"}


def page(study: Study) -> str:
    """The whole file. Raises UsageError where the study is not drawn."""
    folder = ROOT / "results" / study.name / "tables"
    try:
        verdict, summary = (pd.read_csv(folder / f"{name}.csv") for name in ("verdict", "verdict_summary"))
    except OSError:
        raise UsageError(f"{study.name} has no verdict yet; first run: snakemake --cores 2 {study.name}") from None
    labels = dict(zip(summary["source"], summary["label"], strict=True))
    lines = [
        f"# Every cell of `{study.name}`",
        "",
        f"Made by `python -m analysis.terminal.reproduction_cells {study.name}`",
        f"from `results/{study.name}/tables/verdict.csv`: = within,",
        "↑ above, **↓** below, by the rule of [statistics.md](statistics.md); in brackets 95 % intervals; ~ weak.",
        "Each source is compared in its own metric, so ours may differ from column to column.",
    ]
    lines += ["", *(f"- {sentence}" for sentence in summary["sentence"])]
    for name, method in study.methods.items():
        mine = verdict[(verdict["method"] == name) & (verdict["verdict"] != "no data")]
        if mine.empty:
            continue
        sources = [source for source in labels if source in set(mine["source"])]
        lines += ["", f"## {method.label}", "", "| | " + " | ".join(labels[s] for s in sources) + " |"]
        lines += ["|---|" + "---|" * len(sources)]
        by = mine.set_index(["task", "source"])
        for task in study.tasks:
            row = [_cell(by.loc[(task, s)]) if (task, s) in by.index else "" for s in sources]
            lines += [f"| {task} | " + " | ".join(row) + " |"]
    return "\n".join(lines)


def _cell(row: pd.Series) -> str:
    ours, theirs = (estimate(row[side], row[f"{side}_low"], row[f"{side}_high"]) for side in ("ours", "theirs"))
    finished = f" ({row['finished']}/{row['runs']})" if row["finished"] < row["runs"] else ""
    return f"{MARK[row['verdict']]}{' ~' * bool(row['weak'])} {ours}{finished}; theirs {theirs}"


def make(study: Study) -> None:
    """Print it."""
    print(page(study))


if __name__ == "__main__":
    main(make)
