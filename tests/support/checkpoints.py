"""Runs that are broken off at a checkpoint and go on from it."""

import sys

import torch
from small_runs import SMALL, defaults

from core.run import Run
from train import checkpoint

IDENTITY = {"key": "k", "seed": 0}


def fresh(algo="npg", task_id="InvertedPendulum-v4", steps=2600, **changes):
    return Run(algo, task_id, defaults(algo) | SMALL.get(algo, {"batch": 256}) | {"envs": 4} | changes, steps, 0)


def save(run, path):
    checkpoint.save(run, path, IDENTITY, {})


def equal(one, other):
    """All that is written of a run."""
    rows = one.envs.episodes == other.envs.episodes and str(one.updates) == str(other.updates)
    vectors = torch.equal(one.agent.theta, other.agent.theta) and torch.equal(one.agent.phi, other.agent.phi)
    return rows and vectors and (one.status, one.envs.steps) == (other.status, other.envs.steps)


def finish(run, path=None, every=2, **how):
    """To the end; with a path, through a checkpoint and another run after ``every`` iterations."""
    count = 0
    while run.status == "running":
        run.iterate()
        count += 1
        if path and run.status == "running" and count % every == 0:
            save(run, path)
            run = fresh(**how)
            assert checkpoint.load(run, path, IDENTITY) is None
    assert path is None or count > every
    return run


TRAIN = [sys.executable, "-m", "train"]
#: A checkpoint after every iteration, so that a short run has many.
OFTEN = [
    sys.executable,
    "-c",
    "import train.__main__, train.keeper as p; p.EVERY, p.SHARE = 0, 1; train.__main__.main()",
]
