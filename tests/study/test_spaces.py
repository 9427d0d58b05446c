"""A task is made as envs.yaml says, or refused in one line that says what to do."""

import json
import re
import subprocess
import sys

import gymnasium
import numpy as np
import own_tasks
import pytest

from core.envs.making import layers, make_env
from core.envs.vector import Copies
from core.errors import UsageError
from study import spaces
from study.plan import ROOT

FLATTEN, FLOAT = "gymnasium.wrappers:FlattenObservation", {"gymnasium.wrappers:DtypeObservation": {"dtype": "float32"}}
SAID = {
    "DictObs": r"Dict\(.*add wrappers: \[gymnasium.wrappers:FlattenObservation\]$",
    "TupleObs": r"Tuple\(.*add wrappers: \[gymnasium.wrappers:FlattenObservation\]$",
    "DiscreteObs": r"Discrete\(4\), .*\[gymnasium.*:FlattenObservation, {gymnasium.*:DtypeObs.*float32}}\]$",
    "MixedObs": r"Dict\(.*add wrappers: \[gymnasium.wrappers:FlattenObservation",
    "ImageObs": r"Box\(16, 16, 3\) of uint8, .*\[gymnasium.*:Flatten.*, {gymnasium.*:DtypeObs.*float32}}\]$",
    "IntegerObs": r"Box\(3,\) of int64, .*add wrappers: \[{gymnasium.wrappers:DtypeObservation: {dtype: float32}}\]$",
    "SquareObs": r"Box\(3, 3\) of float32, .*add wrappers: \[gymnasium.wrappers:FlattenObservation\]$",
    "ScalarObs": r"Box\(\) of float32, .*add wrappers: \[gymnasium.wrappers:FlattenObservation\]$",
    "EmptyObs": r"Box\(0,\) of float32, .*: make them such by a gymnasium.ObservationWrapper of your own$",
    "TextObs": r"Text\(.*: (make them such by a gymnasium.ObservationWrapper|add wrappers)",
    "SequenceObs": r"Sequence\(.*: make them such by a gymnasium.ObservationWrapper of your own$",
}


@pytest.mark.parametrize("name", own_tasks.OBSERVATIONS)
def test_observations_that_are_no_vectors_are_refused_and_what_is_said_helps(name):
    with pytest.raises(UsageError) as caught:
        make_env(f"own_tasks:{name}-v0")
    said = str(caught.value)
    assert said.startswith(f"envs.yaml: own_tasks:{name}-v0: its observations are ") and "\n" not in said
    assert re.search(SAID[name], said), said
    wrappers = [FLATTEN] * (FLATTEN in said) + [FLOAT] * ("DtypeObservation" in said)
    if wrappers and name != "TextObs":
        copies = Copies({"id": f"own_tasks:{name}-v0", "wrappers": wrappers}, [0, 1])
        copies.step(np.zeros((2, 2), np.float32), np.arange(2))
        assert copies.obs.shape == (2, gymnasium.spaces.flatdim(own_tasks.OBSERVATIONS[name]))


@pytest.mark.parametrize("name", own_tasks.ACTIONS)
def test_actions_that_are_no_vectors_are_refused(name):
    with pytest.raises(UsageError, match=rf"^envs.yaml: own_tasks:{name}-v0: its actions are .* real numbers: "):
        Copies(f"own_tasks:{name}-v0", [0])


def test_boxes_without_bounds_are_vectors():
    assert make_env("own_tasks:Scaled-v0").observation_space.shape == (3,)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("nowhere:Task-v0", "^envs.yaml: nowhere:Task-v0: No module named 'nowhere'"),
        ("own_tasks:Nothing-v0", "^envs.yaml: own_tasks:Nothing-v0: Environment `Nothing` doesn't exist"),
        (
            {"id": "Hopper-v5", "kwargs": {"xml_file": "/no/such.xml"}},
            "^envs.yaml: Hopper-v5: File /no/such.xml",
        ),
        ({"id": "own_tasks:Scaled-v0", "kwargs": {"scael": 2}}, "own_tasks:Scaled-v0: kwargs: .*'scael'"),
        ({"id": "Hopper-v4", "wrappers": ["nowhere:Wrapper"]}, "Hopper-v4: wrapper nowhere:Wrapper: No module named"),
        (
            {"id": "Hopper-v4", "wrappers": ["gymnasium.wrappers:Flaten"]},
            "wrappers:Flaten: module .* 'Flaten'",
        ),
        ({"id": "Hopper-v4", "wrappers": [{"gymnasium.wrappers:TimeLimit": {"steps": 3}}]}, "TimeLimit: .*'steps'"),
        (
            {"id": "Hopper-v4", "wrappers": [{"gymnasium.wrappers:TimeLimit": {"max_episode_steps": 0}}]},
            "Limit: .*0",
        ),
        (
            {"id": "Hopper-v4", "wrappers": ["own_tasks:Lost"]},
            "own_tasks:Lost: makes a int: give a class",
        ),
    ],
)
def test_what_cannot_be_made_is_one_line(spec, said):
    with pytest.raises(UsageError, match=said) as caught:
        make_env(spec)
    assert "\n" not in str(caught.value)


def test_an_error_of_the_tasks_own_is_not_hidden():
    with pytest.raises(TypeError, match="NoneType"):
        make_env({"id": "own_tasks:Painter-v0", "wrappers": ["test_spaces:Broken"]})


class Broken(gymnasium.Wrapper):
    """A mistake that is not in envs.yaml."""

    def __init__(self, env):
        super().__init__(env)
        self.half = None / 2


def test_kwargs_wrappers_and_horizon_are_used():
    wrappers = ["gymnasium.wrappers:FlattenObservation", {"gymnasium.wrappers:TransformReward": {"func": abs}}]
    env = make_env({"id": "own_tasks:Scaled-v0", "kwargs": {"scale": 3.0}, "wrappers": wrappers, "horizon": 7})
    names = [type(layer).__name__ for layer in layers(env)]
    assert names == ["TransformReward", "FlattenObservation", "TimeLimit", "OrderEnforcing", "Scaled"]
    env.reset(seed=0)
    assert env.step(np.zeros(2))[1] == pytest.approx(3 * np.square(env.unwrapped.goal).sum())
    copies = Copies({"id": "Hopper-v4", "horizon": 7}, [0])
    assert copies.limit == 7 and copies._together, "with another limit only, the fast way of stepping stays"
    ends = [copies.step(np.zeros((1, 3)), np.array([0]))[2].item() for _ in range(7)]
    assert ends == [False] * 6 + [True]
    limited = {"id": "own_tasks:Unending-v0", "wrappers": [{"gymnasium.wrappers:TimeLimit": {"max_episode_steps": 9}}]}
    assert Copies(limited, [0]).limit == 9, "read from the task"
    assert Copies("own_tasks:Unending-v0", [0]).limit == 0


def test_settings_of_a_task_of_figure_3_are_stepped_by_gymnasium():
    spec = {"id": "Hopper-v5", "kwargs": {"healthy_reward": 5.0}}
    copies, env = Copies(spec, [3]), gymnasium.make("Hopper-v5", disable_env_checker=True, healthy_reward=5.0)
    env.reset(seed=3)
    for act in np.random.default_rng(0).uniform(-1, 1, (5, 1, 3)):
        rew, *_ = copies.step(act, np.array([0]))
        obs, expected, *_ = env.step(act[0])
        assert (rew.item(), copies.obs[0].tobytes()) == (expected, obs.tobytes())
    assert [type(layer).__name__ for layer in layers(env)] == ["TimeLimit", "OrderEnforcing", "HopperEnv"]


def test_the_command_says_of_each_task_what_is_wrong(tmp_path, monkeypatch, capfd):
    envs = """
Good: {id: "own_tasks:Painter-v0"}
Endless: {id: "own_tasks:Unending-v0"}
Discrete: {id: CartPole-v1}
Missing: {id: "nowhere:Task-v0"}
Broken: {id: "own_tasks:Painter-v0", wrappers: ["test_spaces:Broken"]}
Typo: {id: Hoper-v4}
"""
    (tmp_path / "envs.yaml").write_text(envs)
    monkeypatch.setattr(spaces, "ROOT", tmp_path)
    assert spaces.main([]) == 0
    found = json.loads(capfd.readouterr().out)
    assert [found[task]["horizon"] for task in ("Good", "Endless")] == [40, None]
    assert [found[task]["error"] for task in ("Good", "Endless")] == [None, None]
    assert found["Discrete"]["error"].startswith(
        "envs.yaml: Discrete: CartPole-v1: its actions are Discrete(2), and must be"
    )
    assert "No module named 'nowhere'" in found["Missing"]["error"]
    assert "cannot be made: TypeError" in found["Broken"]["error"] and "\n" not in found["Broken"]["error"]
    assert "did you mean 'Hopper-v4'" in found["Typo"]["error"]
    assert spaces.main(["Goood"]) == 2
    assert "did you mean 'Good'" in capfd.readouterr().err


def test_the_command_prints_nothing_but_json():
    code = "import study.spaces as s, os; s.look = lambda *a: print('a') or os.system('echo b'); s.main(['Ant'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"Ant": 0}
    assert done.stderr.split() == ["a", "b"]
