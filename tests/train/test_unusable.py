"""A checkpoint whose state has another shape than a fresh run's is taken up where it can; else the run begins anew."""

import os
import subprocess
import sys

import pytest
import torch
from copied import copy_project

from study.plan import ROOT
from train.checkpoint import OBJECT, _restored


@pytest.mark.parametrize(
    ("now", "kept"),
    [([], [1.0, 2.0]), ([1.0, 2.0], [3.0]), (None, [1.0]), ({}, {"a": 1}), (1.0, None), ((1, 2), (3, 4))],
    ids=str,
)
def test_lists_and_dictionaries_grow_and_shrink(now, kept):
    assert _restored(now, list(kept) if isinstance(kept, tuple) else kept) == kept


def test_a_tensor_stays_the_same_one_where_it_fits():
    mine, other = torch.zeros(3), torch.ones(3)
    assert _restored(mine, other) is mine and mine.sum() == 3
    assert _restored(torch.zeros(2), other) is other
    assert _restored(mine, None) is None
    with pytest.raises(AttributeError):
        _restored(None, {OBJECT: {"count": 1}})


SAVED = """
import train.keeper, train.__main__
train.keeper.EVERY, train.keeper.SHARE = 0, 1
save = train.keeper.Keeper.save
def once(keeper):
    save(keeper)
    raise KeyboardInterrupt
train.keeper.Keeper.save = once
raise SystemExit(train.__main__.main())
"""


@pytest.mark.long
def test_an_object_that_update_makes_spoils_its_checkpoint_and_no_run(tmp_path):
    project = copy_project(tmp_path / "project")
    source = (ROOT / "algos/npg.py").read_text()
    late = "class Late:\n    def __init__(self):\n        self.count = 1\n\n\ndef update("
    source = source.replace("def update(", late).replace(
        "    adv = ", '    state.setdefault("late", Late())\n    adv = '
    )
    (project / "algos/grow.py").write_text(source)
    study = "tiny: {tasks: [InvertedPendulum], seeds: 1, steps: 800, methods: {grow: {batch: 256}}}\n"
    (project / "studies.yaml").write_text(study)
    cell = ["--study", "tiny", "--task", "InvertedPendulum", "--method", "grow", "--seed", "0"]

    def run(*how):
        return subprocess.run(
            [sys.executable, *how, *cell], cwd=project, env=os.environ, capture_output=True, text=True
        )

    assert run("-c", SAVED).returncode == 130
    assert list(project.glob("work/results/runs/grow/*/*/seed0/checkpoint"))
    done = run("-m", "train")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the checkpoint is not used, for") == 1 and "from the beginning" in done.stderr
    assert list(project.glob("results/runs/grow/*/*/seed0/run.json"))
