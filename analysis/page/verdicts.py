"""The verdict as the page shows it: a map for each source, and its signs beside each cell."""

import pandas as pd

from analysis.data.published import sources
from analysis.data.words import number
from analysis.figures.verdict import SIGNS
from analysis.page.cells import anchor
from analysis.page.tables import Names


def maps(names: Names, read: dict[str, pd.DataFrame]) -> list[dict]:
    """Of each source that has a cell: its sentence, the tasks' versions, and a row a method."""
    if "verdict" not in read:
        return []
    found = []
    sentences = read["verdict_summary"].set_index("source")
    for source in sources():
        mine = read["verdict"].query("source == @source.name and verdict != 'no data'")
        if mine.empty:
            continue
        by_cell = {(r.method, r.task): r for r in mine.itertuples()}
        methods = [m for m in names.study.methods if m in set(mine["method"])]
        tasks = [t for t in names.study.tasks if t in set(mine["task"])]
        rows = [(names.method(m), [_judged(by_cell.get((m, t)), t, m) for t in tasks]) for m in methods]
        versions = ", ".join(sorted(set(mine["version"])))
        found.append(
            {
                "label": source.label,
                "versions": versions,
                "tasks": tasks,
                "rows": rows,
                "sentence": sentences.loc[source.name, "sentence"].split(": ", 1)[1],
            }
        )
    return found


def _judged(row, task: str, method: str) -> dict | None:
    if row is None:
        return None
    sides = {"ours": number(row.ours), "theirs": number(row.theirs)}
    return sides | {
        "word": row.verdict,
        "sign": SIGNS[row.verdict],
        "weak": bool(row.weak),
        "link": anchor(task, method),
    }


def signs(read: dict[str, pd.DataFrame]) -> dict[tuple[str, str], list[dict]]:
    """By cell: each source's verdict in a sign. Of two of one source the second is named by what it compares."""
    found: dict = {}
    if "verdict" in read:
        labels = read["verdict_summary"].set_index("source")["label"]
        for row in read["verdict"].query("verdict != 'no data'").itertuples():
            there, parts = found.setdefault((row.task, row.method), []), labels[row.source].split(", ")
            short = parts[-1] if any(v["short"] == parts[0] for v in there) else parts[0]
            sign = {"word": row.verdict, "sign": SIGNS[row.verdict], "weak": bool(row.weak)}
            there.append(sign | {"source": labels[row.source], "short": short})
    return found
