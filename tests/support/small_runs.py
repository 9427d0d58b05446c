"""Runs so short that a test trains them, with several updates each."""

from core.run import Run
from study.cells import Cell, Method
from study.options import option_fields

BUDGET = 1200
#: Small batches, so that a short run has several updates.
SMALL = {"cem": {"population": 10, "elite": 0.3}, "trpo_vine": {"batch": 64, "states": 4, "length": 8}}


def defaults(algo, **changes):
    return {f.name: f.default for f in option_fields(algo).values()} | changes


def cell(algo, steps=BUDGET, **changes):
    method = Method(algo, algo, defaults(algo, **changes), algo, None)
    return Cell("InvertedPendulum", "InvertedPendulum-v4", method, steps, (0,))


def small(algo):
    """A cell whose short run has several updates."""
    return cell(algo, envs=4, **SMALL.get(algo, {"batch": 256}))


def finish(run):
    while run.status == "running":
        run.iterate()
    return run


def trained(where, seed=0):
    return finish(Run(where.method.algo, where.task_id, where.method.options, where.steps, seed))
