"""A user's own task: the batch holds what the policy drew, and what is resumed or branched goes on to the same bits."""

import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import own_tasks
import pytest
import torch
from checkpoints import IDENTITY, OFTEN, TRAIN, equal, finish, fresh, save
from copied import copy_project
from late import normal

from core.envs import trial
from core.envs.branches import Branches
from core.envs.recorded import Environments
from core.envs.trial import why_not
from core.errors import UsageError
from core.rollout import sample
from study.plan import ROOT
from train import checkpoint
from train.keeper import Keeper

pytestmark = pytest.mark.long

NORMALISED = {
    "id": "Hopper-v5",
    "wrappers": ["gymnasium.wrappers:NormalizeObservation", "gymnasium.wrappers:NormalizeReward"],
}
DELAYED = {"id": "Pendulum-v1", "wrappers": [{"gymnasium.wrappers:StickyAction": {"repeat_action_probability": 0.5}}]}
KEPT = {
    "state besides the simulator's": "own_tasks:GoalHopper-v0",
    "a model that changes": "own_tasks:Randomised-v0",
    "no simulator": "Pendulum-v1",
    "state of every kind": "own_tasks:Rich-v0",
    "wrappers' statistics": NORMALISED,
    "a wrapper's random stream": DELAYED,
    "a task that never ends": "Late-v0",
    "bounds it insists on": "own_tasks:Strict-v0",
    "settings of a task of Gymnasium's": {"id": "Hopper-v5", "kwargs": {"healthy_reward": 5.0}, "horizon": 30},
}
NOT_KEPT = {
    "Generator": "Generator.it is a generator",
    "OfTheModule": "a copy put into the state of another went another way at step 1",
    "OfTheClass": "a copy put into the state of another went another way at step 1",
    "Closure": "a copy put into the state of another went another way at step 1",
    "WallClock": "a copy put into the state of another went another way at step 1",
    "Crashing": r"a trial of it failed \(ZeroDivisionError: division by zero\)",
}


def test_a_task_may_write_into_its_action(start):
    agent, envs = start("own_tasks:InPlace-v0", envs=2)
    _, twin = start("own_tasks:Base-v0", envs=2)
    one, other = sample(agent, envs, 200), sample(start("own_tasks:Base-v0", envs=2)[0], twin, 200)
    assert one.act.tobytes() == other.act.tobytes(), "the batch holds what the policy drew"
    np.testing.assert_allclose(one.rew, other.rew, rtol=1e-5)
    assert envs.step(acts := np.ones((2, 2), np.float32), [0, 1]) and (acts == 1).all()


@pytest.mark.parametrize("kind", KEPT)
def test_a_run_goes_on_to_the_same_bytes(kind, tmp_path):
    how = {"task_id": KEPT[kind], "steps": 1300, "batch": 160, "clip_actions": True}
    assert fresh(**how).envs.why_not_resumed() is None
    assert equal(finish(fresh(**how)), finish(fresh(**how), tmp_path / "c", every=2, **how))


@pytest.mark.parametrize("kind", KEPT)
def test_a_branch_goes_on_as_its_trunk_does(kind):
    envs = Environments(KEPT[kind], [5], 10_000, clip_actions=True)
    acts = np.clip(normal(60, envs.act_dim), envs._low, envs._high)
    for act in acts[:7]:
        envs.step(act[None], [0])
    saved, branches = envs.save(0), Branches(envs, 2)
    branches.restore(saved)
    went = []
    for act in acts[7:]:
        rew, terminated, truncated = branches._copies.step(np.tile(act, (2, 1)), np.arange(2))
        went.append((branches._copies.obs.copy(), rew, terminated, truncated))
        if terminated.any() or truncated.any():
            break
    assert len(went) > 5
    for act, (obs, rew, terminated, truncated) in zip(acts[7:], went, strict=False):
        trunk = envs.step(act[None], [0])
        ours = trunk.final_obs.get(0, envs.obs[0])
        for k in range(2):
            assert (rew[k], terminated[k], truncated[k]) == (trunk.rew[0], trunk.terminated[0], trunk.truncated[0])
            assert terminated[k] or obs[k].tobytes() == ours.tobytes()


@pytest.mark.parametrize("name", NOT_KEPT)
@pytest.mark.parametrize("beside", [False, True], ids=["resumed", "branched"])
def test_what_cannot_be_kept_is_found_out(name, beside):
    assert re.fullmatch(NOT_KEPT[name], why_not(f"own_tasks:{name}-v0", beside))


def test_a_run_of_such_a_task_says_so_and_writes_no_checkpoint(tmp_path, capsys):
    run = fresh(task_id="own_tasks:Generator-v0")
    keeper = Keeper(run, tmp_path / "c", IDENTITY, time.perf_counter() - 1e6)
    said = capsys.readouterr().err
    assert (
        said == "this task's runs cannot be resumed, for Generator.it is a generator: an interrupted run begins again\n"
    )
    run.iterate()
    assert not keeper.due()
    keeper.save()
    assert not list(tmp_path.iterdir())
    assert keeper.outlook() == "the next start begins again"


def test_where_copies_share_what_changes_the_checkpoint_before_stays(tmp_path, capsys, monkeypatch):
    """What two copies do not show in a trial, for they share it."""
    monkeypatch.setattr(own_tasks.Curriculum, "level", 0)
    how = {"task_id": "own_tasks:Curriculum-v0", "batch": 64, "steps": 6400}
    whole = finish(fresh(**how))
    own_tasks.Curriculum.level = 0
    run = fresh(**how)
    keeper = Keeper(run, tmp_path / "c", IDENTITY, time.perf_counter())
    assert keeper.outlook() == "the next start begins again" and not capsys.readouterr().err
    while run.status == "running" and not own_tasks.Curriculum.level:
        keeper.save()
        last = run.envs.steps
        run.iterate()
    assert last and not capsys.readouterr().err
    keeper.save()
    why = "own_tasks.Curriculum.level has changed, which all copies share"
    assert capsys.readouterr().err == f"warning: no more checkpoints, the next start goes on from {last} steps: {why}\n"
    other = fresh(**how)
    assert checkpoint.load(other, tmp_path / "c", IDENTITY) == "own_tasks.Curriculum.level is not what it was"
    own_tasks.Curriculum.level = 0  # as it is in a process of its own
    other = fresh(**how)
    assert checkpoint.load(other, tmp_path / "c", IDENTITY) is None
    assert (other.envs.steps, equal(finish(other), whole)) == (last, True)


def test_the_vine_refuses_such_a_task_in_one_line():
    said = r"^envs.yaml: own_tasks:OfTheModule-v0: cannot be branched, for a copy .* step 1: choose a method without"
    with pytest.raises(UsageError, match=said):
        fresh("trpo_vine", "own_tasks:OfTheModule-v0").iterate()


def test_what_comes_to_hide_something_later_is_said_then():
    said = r"^envs.yaml: own_tasks:Later-v0: cannot be branched, for Later.it is a generator: choose a method without"
    with pytest.raises(UsageError, match=said):
        finish(fresh("trpo_vine", "own_tasks:Later-v0", steps=50_000))


def test_a_trial_leaves_the_process_as_it_was(monkeypatch):
    def streams():
        return np.random.get_state()[1].tolist(), random.getstate(), torch.get_rng_state().tolist()  # noqa: NPY002

    before, rng, count = streams(), own_tasks.MODULE_RNG.bit_generator.state, own_tasks.OfTheClass.count
    why_not("own_tasks:OfTheModule-v0", beside=True), why_not("own_tasks:OfTheClass-v0", beside=False)
    assert own_tasks.MODULE_RNG.bit_generator.state == rng
    assert own_tasks.OfTheClass.count == count
    monkeypatch.setattr(sys, "platform", "darwin")  # where it does not fork
    assert why_not("own_tasks:GoalHopper-v0", beside=False) is None
    assert "another way" in why_not("own_tasks:OfTheModule-v0", beside=False)
    assert streams() == before


def test_a_trial_of_a_slow_or_a_hanging_task_ends(monkeypatch):
    steps = itertools.count()

    def slow(self, action):
        next(steps)
        time.sleep(0.2)
        return 0.0

    monkeypatch.setattr(own_tasks.Base, "reward", slow)
    begun = time.monotonic()
    assert why_not("own_tasks:Base-v0", beside=True) is None
    assert time.monotonic() - begun < 12
    monkeypatch.setattr(trial, "PATIENCE", 1)
    monkeypatch.setattr(own_tasks.Base, "reward", lambda self, action: time.sleep(60))
    assert why_not("own_tasks:Base-v0", beside=False) == "a trial of it took more than 1 s"
    monkeypatch.setattr(own_tasks.Base, "reward", lambda self, action: os._exit(1))
    assert why_not("own_tasks:Base-v0", beside=False) == "a trial of it crashed"


def test_a_state_that_does_not_fit_leaves_the_run_as_it_was(tmp_path):
    how = {"task_id": "own_tasks:Rich-v0", "batch": 64, "steps": 640}
    run, other = fresh(**how), fresh(**how)
    run.iterate()
    save(run, tmp_path / "c")
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(own_tasks, "Part")
        assert "Part cannot be made anew" in checkpoint.load(other, tmp_path / "c", IDENTITY)
    assert equal(finish(other), finish(fresh(**how)))


# Processes


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with tasks of its own."""
    made = copy_project(tmp_path_factory.mktemp("own") / "project")
    shutil.copy(ROOT / "tests/support/own_tasks.py", made)
    study = "own:\n  tasks: [Swing, Speed, Lost]\n  seeds: 1\n  steps: 6000\n  methods: {npg: {batch: 64}}\n"
    (made / "studies.yaml").write_text(study)
    with (made / "envs.yaml").open("a") as file:
        for name, task_id in {"Swing": "Pendulum-v1", "Speed": "GoalHopper-v0", "Lost": "Generator-v0"}.items():
            file.write(f'\n{name}: {{id: "{"own_tasks:" * (name != "Swing")}{task_id}"}}\n')
    return made


def trainer(project, start, task):
    command = [*start, "--study=own", f"--task={task}", "--method=npg", "--seed=0"]
    return subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("task", ["Swing", pytest.param("Speed", marks=pytest.mark.slow)])
def test_killed_it_ends_in_the_same_bytes(project, task):
    def trained():
        files = [path for path in (project / f"results/runs/npg/{task}").rglob("*.*") if path.suffix != ".json"]
        return [path.read_bytes() for path in sorted(files)]

    with trainer(project, TRAIN, task) as process:
        assert "finished in" in process.stderr.read()
    whole = trained()
    shutil.rmtree(project / "results")
    with trainer(project, OFTEN, task) as process:
        while not list(project.glob(f"work/results/runs/npg/{task}/**/checkpoint")):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    with trainer(project, TRAIN, task) as process:
        assert "goes on at" in process.stderr.read()
    assert len(whole) == 3 and trained() == whole


@pytest.mark.parametrize(("task", "words"), [("Swing", "goes on from [0-9,]+ steps"), ("Lost", "begins again")])
def test_stopped_it_says_what_the_next_start_does(project, task, words):
    shutil.rmtree(project / "results", ignore_errors=True)
    slowly = ["-c", "import train.__main__ as t, core.run as r, time; i = r.Run.iterate; "]
    slowly[1] += "r.Run.iterate = lambda run: (time.sleep(0.2), print('on', file=t.sys.stderr, flush=True), i(run)); "
    with trainer(project, [sys.executable, slowly[0], slowly[1] + "t.sys.exit(t.main())"], task) as process:
        before = iter(process.stderr.readline, "on\n")
        said = "".join(before)
        process.send_signal(signal.SIGTERM)
        stopped = process.stderr.read()
    assert process.returncode == 130
    assert re.search(rf"stopped at [0-9,]+ steps; the next start {words}$", stopped, re.M)
    assert ("cannot be resumed, for Generator.it is a generator" in said) == (task == "Lost")
