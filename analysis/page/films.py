"""Films of final policies, where `snakemake STUDY_videos` has made them: a row a task, methods side by side."""

from base64 import b64encode
from dataclasses import dataclass

from analysis.page.cells import anchor
from analysis.page.tables import Entry, Names
from analysis.products import video_file
from core.plan import ROOT


@dataclass(frozen=True)
class Film:
    """One film, and whose."""

    method: Entry
    link: str  #: its cell in the page
    source: str  #: a data URI; none where there is no film


def read(names: Names) -> dict[str, list[Film]]:
    """By task that has a film: one a method, of those that have runs. A film lies under its cell's key."""
    found: dict[str, list[Film]] = {}
    for cell in names.study.cells:
        path = ROOT / video_file(names.study, cell)
        source = f"data:image/webp;base64,{b64encode(path.read_bytes()).decode()}" if path.is_file() else ""
        link = anchor(cell.task, cell.method.name)
        found.setdefault(cell.task, []).append(Film(names.method(cell.method.name, link), link, source))
    return {task: films for task, films in found.items() if any(film.source for film in films)}
