"""Figures of a study as files: ``.png``, ``.svg`` and, the caption, ``.txt`` (``analysis/data/products.py``)."""

import sys
from importlib import import_module

from analysis.data.products import FIGURES, chosen, left_out
from analysis.data.read import Tables
from analysis.data.runs import folder
from analysis.figures.pyplot import plt
from analysis.figures.style import page, so_far
from study.cells import Study


def make(study: Study, name: str | None = None) -> None:
    """Write the figure ``name``, or every figure. Raises UsageError where the study has no such figure."""
    out, tables = folder(study.name, "figures"), Tables(study)
    for said in () if name else left_out([study], FIGURES):
        print(said, file=sys.stderr)
    for one in chosen(FIGURES, study, name):
        module = import_module(f"analysis.figures.{one}")
        caption = module.caption(study, tables)
        with page():
            figure = module.draw(study, tables)
            figure.savefig(out / f"{one}.png", dpi=200)
            figure.savefig(out / f"{one}.svg", metadata={"Date": None})
            plt.close(figure)
        before = f"{study.title}. " if so_far(study) else ""
        (out / f"{one}.txt").write_text(f"{before}{caption}\n", encoding="utf-8")
