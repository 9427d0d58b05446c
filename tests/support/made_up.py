"""Studies and tables of made-up runs, without a file."""

from importlib import import_module

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from analysis.data.products import figures_of, statistics
from analysis.data.scores import against_the_best
from analysis.figures.style import page
from study.config import read_config
from study.plan import ROOT, make_study

ENVS = read_config(ROOT / "envs.yaml")
TASKS = ["HalfCheetah", "Hopper", "InvertedDoublePendulum", "InvertedPendulum", "Reacher", "Swimmer", "Walker2d"]


def made(methods, tasks=TASKS, seeds=3, steps=1_000_000):
    return make_study("made", {"tasks": tasks, "seeds": seeds, "steps": steps, "methods": methods}, ENVS)


class Tables(dict):
    """``runs``, ``curves``, ``scores`` and ``mixed``; the statistics of them are made when they are asked for."""

    def __init__(self, study, **tables):
        super().__init__(**tables)
        self.study = study

    def __missing__(self, name):
        module = next(module for module, maker in statistics().items() if name in maker.makes)
        self.update(import_module(f"analysis.statistics.{module}").make(self.study, self))
        return self[name]


def tables(study, diverged=(), mixed=""):
    """Each method rises to its own height; those (method, seed) that diverged do so at half of the budget."""
    grid = study.steps * np.arange(1, 101) // 100
    rows, curves = [], []
    for place, cell in enumerate(study.cells):
        untrained = study.tasks[cell.task].random_score
        for seed in cell.seeds:
            bad = (cell.method.name, seed) in diverged
            top = untrained if bad else untrained + 100 + 10 * (place % 7) + 3 * seed
            name = {"task": cell.task, "method": cell.method.name, "seed": seed}
            returns = np.where(bad & (grid > study.steps / 2), np.nan, np.linspace(untrained, top, 100))
            curves.append(pd.DataFrame({"step": grid, "return": returns}).assign(**name))
            scores = dict.fromkeys(("last_100", "last_tenth", "area", "maximum", "sampled", "deterministic"), top)
            scores |= {"sampled_spread": 1.0, "deterministic_spread": 1.0, "episodes_each": 5}
            cost = {"wall_seconds": 60.0 + place, "steps_per_second": 1e4, "peak_memory_mb": 400.0, "compiled": True}
            rows.append(name | {"status": "diverged" if bad else "finished"} | scores | cost | {"cpu": "some CPU"})
    untrained = {task: entry.random_score for task, entry in study.tasks.items()}
    curves, runs = pd.concat(curves, ignore_index=True), pd.DataFrame(rows)
    scores = runs[["task", "method", "seed", "status"]].assign(score=runs["last_100"])
    runs = against_the_best(runs, curves, untrained)
    return Tables(study, runs=runs, curves=curves, scores=scores, mixed=mixed)


def module(name):
    """That of a figure."""
    return import_module(f"analysis.figures.{name}")


def every_figure(study, made_up):
    """All figures that the study has, by name, each as it is made: with the sizes of a page."""
    for name in figures_of(study):
        with page():
            yield name, module(name).draw(study, made_up)


def words(figure):
    """Every text that is seen in a figure."""
    return [text.get_text() for text in figure.findobj(plt.Text) if text.get_text() and text.get_visible()]
