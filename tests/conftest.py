import os
import shutil
from pathlib import Path

import filelock
import pytest
import torch
from copied import FOUR_RUNS, STUDIES, copy_project, snakemake

import analysis.figures.pyplot  # noqa: F401 (before a test imports Matplotlib: not with a user's settings)
import core.compile
from core.agent import new_agent
from core.envs.recorded import Environments
from core.rollout import make_batch, sample
from core.streams import streams

pytest_plugins = ["missing"]

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def environment():
    """What a command line sets of the environment for its own process, as MUJOCO_GL, ends with the test."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def once(request, tmp_path_factory):
    """Makes a folder once a test run, whichever process asks first: ``once(name, make)``. Tests change copies of it."""
    own = tmp_path_factory.getbasetemp()
    root = (own.parent if hasattr(request.config, "workerinput") else own) / "once"  # in a process of xdist
    root.mkdir(exist_ok=True)

    def made(name, make):
        folder, unfinished = root / name, root / f"{name}.unfinished"
        with filelock.FileLock(root / f"{name}.lock"):
            if not folder.exists():
                shutil.rmtree(unfinished, ignore_errors=True)
                make(unfinished)
                unfinished.rename(folder)
        return folder

    return made


@pytest.fixture(scope="session", autouse=True)
def compiled(once):
    """Where graphs are compiled to: once for all tests, and not in the checkout."""
    core.compile.CACHE = once("compiled", Path.mkdir)
    return core.compile.CACHE


@pytest.fixture(scope="session")
def finished(once):
    """A copy of the project in which the study ``tiny`` has been run to its end."""

    def make(project):
        (copy_project(project) / "studies.yaml").write_text(STUDIES)
        snakemake(project, "tiny")

    return once("finished", make)


@pytest.fixture(scope="session")
def four_runs(once):
    """A copy in which a study of four runs is trained and its policies played, and no more."""

    def make(project):
        (copy_project(project) / "studies.yaml").write_text(FOUR_RUNS)
        snakemake(project, "tiny", "--until", "evaluate")

    return once("four_runs", make)


@pytest.fixture
def start():
    """Makes (agent, environments), wired as in a run; ``jolt`` moves θ off its nearly zero initial means."""

    def make(
        task_id="InvertedPendulum-v4",
        envs=2,
        budget=10_000,
        *,
        obs_clip=5.0,
        jolt=0.1,
        **how,
    ):
        random = streams(0, envs)
        copies = Environments(task_id, random.env_seeds, budget, **how)
        agent = new_agent(copies.obs_dim, copies.act_dim, random, obs_clip)
        noise = torch.randn(agent.theta.shape, generator=torch.Generator().manual_seed(0))
        agent.theta += jolt * noise
        return agent, copies

    return make


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["eager", "compiled"])
def learner(start, request):
    """Makes (agent, batch): 200 steps of Reacher, limits reached, with the observation filter already at work.

    What is done with them runs uncompiled, and compiled (*slow*: five seconds or more for each graph).
    """

    def make(**how):
        agent, envs = start("Reacher-v4", **how)
        agent.filter.update(make_batch(agent, sample(agent, envs, 60), 0.99, 0.95).raw_obs)
        batch = make_batch(agent, sample(agent, envs, 200), 0.99, 0.95)
        agent.compiled = request.param
        agent._graphs.clear()
        return agent, batch

    return make
