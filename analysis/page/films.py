"""Films of final policies, where `snakemake STUDY_videos` has made them: a row a task, methods side by side."""

from base64 import b64encode
from dataclasses import dataclass

import pandas as pd

from analysis.data.products import video_file
from analysis.data.words import number
from analysis.page.cells import anchor
from analysis.page.tables import Entry, Names
from study.plan import ROOT

LARGEST = 150_000  #: bytes of a film; a larger one is not in the page. Those of 3 s are 10 to 100 kB


@dataclass(frozen=True)
class Film:
    """One film, and whose."""

    method: Entry
    link: str  #: its cell in the page
    score: str  #: mean return of the episodes of mean actions that the same policy played, if any
    source: str = ""  #: a data URI
    why: str = ""  #: there is none


def read(names: Names, runs: pd.DataFrame) -> dict[str, list[Film]]:
    """By task that has a film: one a method, of those that have runs. A film lies under its cell's key.

    ``runs`` is ``runs.csv``.
    """
    found: dict[str, list[Film]] = {}
    for cell in names.study.cells:
        task, method, file = cell.task, cell.method.name, video_file(names.study, cell)
        mine = runs[(runs["task"] == task) & (runs["method"] == method) & (runs["status"] != "diverged")]
        link = anchor(task, method)
        played = mine["deterministic"].dropna()
        about = (names.uncounted(method, link), link, number(played.iloc[0]) if len(played) else "")
        content = (ROOT / file).read_bytes() if (ROOT / file).is_file() else b""
        if not content or not len(mine):
            film = Film(*about, why="diverged" if not len(mine) else "no film")
        elif len(content) > LARGEST:
            film = Film(*about, why=f"too large for this page: {file}")
        else:
            film = Film(*about, source=f"data:image/webp;base64,{b64encode(content).decode()}")
        found.setdefault(task, []).append(film)
    return {task: films for task, films in found.items() if any(film.source for film in films)}
