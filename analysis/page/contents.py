"""What the page shows of a study, and where it stands. Imports no library, since the workflow's planning reads it."""

from analysis.data.products import TABLES, figures_of
from study.plan import Study

#: The module of analysis/ that draws each figure.
DRAWN_BY = {
    "figure3": "figures",
    "figure3_overlay": "verdict",
    "curves": "curves",
    "verdict": "verdict",
    "table1": "table1",
    "aggregates": "figures",
    "profiles": "figures",
    "improvement": "figures",
    "cost": "figures",
    "sweeps": "sweeps",
}

#: The page's own files beside its modules.
FILES = ("page.html", "parts.html", "style.css", "script.js")


def tables_of(study: Study) -> list[str]:
    """The tables that a study has, but for the learning curves."""
    if study.sweeps:
        return ["scores", "runs", "sweeps"]
    drawn = figures_of(study)
    missing = {"sweeps"} | {
        name for name in TABLES for figure in ("verdict", "table1") if name.startswith(figure) and figure not in drawn
    }
    return [name for name in TABLES if name not in missing]
