"""One picture of every final policy: a row a task, methods side by side.

    python -m analysis.page.frames STUDY

Takes them from the films of ``play/film.py``. Writes ``frames.png`` and its caption, ``frames.txt``. It is no figure of
``analysis/figures/``: those are drawn from tables, of every study and without OpenGL.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from analysis.data.products import video_file
from analysis.data.read import Tables
from analysis.data.runs import folder, main
from analysis.data.words import rounded
from analysis.figures.captions import versions
from analysis.figures.pyplot import as_written, plt
from analysis.figures.style import page
from core.errors import UsageError
from study.cells import Study
from study.plan import ROOT

MOMENT = 1500  #: milliseconds from the start, by when a bad policy has fallen
PANEL = 1.0  #: inches wide


class Picture(NamedTuple):
    """What a film shows at one moment."""

    image: np.ndarray  #: height × width × 3, bytes
    ended: float | None  #: when the film ended, in seconds, if before that moment


def picture(path: Path, moment: int = MOMENT) -> Picture:
    """The picture of a film at ``moment`` ms, or its last. Raises UsageError where it is missing or unreadable."""
    try:
        with Image.open(path) as film:
            begun, index = 0, 0
            while index < film.n_frames - 1:
                film.seek(index)
                film.load()  # only then it says how long this picture stays
                if begun + film.info["duration"] > moment:
                    break
                begun, index = begun + film.info["duration"], index + 1
            film.seek(index)
            ended = begun / 1000 if index == film.n_frames - 1 and begun < moment else None
            return Picture(np.asarray(film.convert("RGB")), ended)
    except (OSError, KeyError) as error:
        raise UsageError(
            f"{path}: no readable film ({error}): delete it, and run snakemake STUDY_videos again"
        ) from None


def draw(study: Study, pictures: dict[tuple[str, str], Picture], runs: pd.DataFrame) -> plt.Figure:
    """The figure. ``pictures`` by task and method; ``runs`` is ``runs.csv``."""
    tasks, methods = list(study.tasks), list(study.methods)
    figure = plt.figure(figsize=(PANEL * len(methods) + 0.4, 0.92 * PANEL * len(tasks) + 0.2), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    grid = figure.subplots(len(tasks), len(methods), squeeze=False)
    for row, task in enumerate(tasks):
        for column, method in enumerate(methods):
            axis, (image, ended) = grid[row, column], pictures[task, method]
            axis.imshow(image)
            axis.set(xticks=[], yticks=[])
            some = runs[(runs["task"] == task) & (runs["method"] == method) & (runs["status"] != "diverged")]
            words = rounded(some["deterministic"].iloc[0]) if len(some) else "diverged"
            words += f", ends at {ended:.1f} s" if len(some) and ended is not None else ""
            axis.set_xlabel(words, fontsize=6, labelpad=1.5)
            if row == 0:
                axis.set_title(as_written(study.methods[method].label), fontsize=6.5, pad=3)
        name = study.tasks[task].id
        grid[row, 0].set_ylabel(name if len(name) < 16 else name.replace("Pendulum", "\nPendulum"), fontsize=6.5)
    return figure


def make(study: Study) -> None:
    """Write the figure and its caption."""
    films = {(c.task, c.method.name): picture(ROOT / video_file(study, c)) for c in study.cells}
    out = folder(study.name, "figures")
    with page():
        figure = draw(study, films, Tables(study)["runs"])
        figure.savefig(out / "frames.png", dpi=200)
        plt.close(figure)
    caption = (
        f"The final policy of the first seed that did not diverge, {MOMENT / 1000} s after the start of an episode of "
        "mean actions, or as that ended; below, its mean return over the episodes of mean actions that were played "
        f"after training. {versions(study)}, {study.steps:,} steps."
    )
    (out / "frames.txt").write_text(caption + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(make)
