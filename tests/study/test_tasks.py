"""What envs.yaml may say of a task, what of it decides a run, and the score of an untrained policy."""

import dataclasses
import importlib.metadata
import json
import sys

import numpy as np
import own_tasks
import pytest
import yaml
from small_runs import cell, finish, small

from analysis.data.mixed import mixed
from core.envs.spec import spec_of
from core.errors import UsageError
from core.run import Run
from play import random_score
from play.episodes import play
from play.untrained import random_returns
from study import tasks
from study.config import read_config
from study.key import ROOT
from study.plan import make_study
from study.tasks import make_task
from train import checkpoint
from train.files import write_run
from train.provenance import packages

assert own_tasks
ENTRY = {"tasks": ["Mine"], "seeds": 1, "steps": 5000, "methods": {"npg": {"batch": 1000}}}
SETTINGS = {"kwargs": {"scale": 2.0}, "wrappers": ["gymnasium.wrappers:NormalizeReward"], "horizon": 30}


def read(tmp_path, text):
    """envs.yaml with this text, through the schema."""
    (tmp_path / "envs.yaml").write_text(text)
    return read_config(tmp_path / "envs.yaml", ROOT)


FULL = """
Mine:
  id: "own_tasks:Scaled-v0"
  kwargs: {scale: 2.0, nested: {a: [1, two]}}
  wrappers:
    - gymnasium.wrappers:FlattenObservation
    - gymnasium.wrappers:TransformReward: {func: abs}
    - gymnasium.wrappers:NormalizeReward:
  files: [models/point.xml]
  horizon: 30
  random_score: -3
  note: a note
"""


def test_an_entry_with_all_it_may_have(tmp_path):
    task = make_task("Mine", read(tmp_path, FULL)["Mine"])
    assert task.spec == {
        "id": "own_tasks:Scaled-v0",
        "kwargs": {"scale": 2.0, "nested": {"a": [1, "two"]}},
        "wrappers": [
            "gymnasium.wrappers:FlattenObservation",
            {"gymnasium.wrappers:TransformReward": {"func": "abs"}},
            {"gymnasium.wrappers:NormalizeReward": None},
        ],
        "horizon": 30,
        "files": ["models/point.xml"],
    }
    assert (task.random_score, json.loads(json.dumps(task.spec))) == (-3, task.spec)
    assert make_task("A", {"id": "Hopper-v4"}).spec == make_task("A", {"id": "Hopper-v4", "random_score": 1}).spec
    assert make_task("A", {"id": "Hopper-v4", "kwargs": {}, "wrappers": []}).spec == "Hopper-v4"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("kwargs: 3", "Mine.kwargs: must be of type object, not 3"),
        ("wrapers: []", "Mine: 'wrapers' is unknown; did you mean 'wrappers'"),
        ("wrappers: gymnasium.wrappers:TimeLimit", "Mine.wrappers: must be of type array, not"),
        ("wrappers: [TimeLimit]", "Mine.wrappers.0: a wrapper is module:Class, or {module:Class"),
        ('wrappers: [{"a:B": 3}]', "Mine.wrappers.0.a:B: a wrapper is module:Class, or {"),
        ('wrappers: [{"a:B": {}, "a:C": {}}]', "Mine.wrappers.0: a wrapper is module:Class, or {module:Class"),
        ("files: point.xml", "Mine.files: must be of type array, not 'point.xml'"),
        ("horizon: 0", "Mine.horizon: horizon is the time limit in steps, 1 or more"),
        ("random_score: low", "Mine.random_score: must be of type number, not 'low'"),
        ("kwargs: {max_episode_steps: 3}", "Mine: kwargs: write max_episode_steps as horizon"),
        ("kwargs: {day: 2020-01-01}", "Mine: kwargs: use texts, finite numbers"),
        ("kwargs: {a: {1: 2}}", "Mine: kwargs: use texts, finite numbers"),
        ("kwargs: {a: .nan}", "Mine: kwargs: use texts, finite numbers"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, given, said):
    with pytest.raises(UsageError) as caught:
        make_task("Mine", read(tmp_path, f'Mine: {{id: "own_tasks:Scaled-v0", {given}}}')["Mine"])
    assert str(caught.value).startswith(f"envs.yaml: {said}"), caught.value
    assert "\n" not in str(caught.value)


def test_each_setting_is_in_the_key_and_a_score_is_not():
    def key(**settings):
        return make_study("s", ENTRY, {"Mine": {"id": "Hopper-v5", **settings}}).cells[0].key

    others = [{}, *({name: value} for name, value in SETTINGS.items()), {"kwargs": {"scale": 3.0}}]
    others.append({"wrappers": [{"gymnasium.wrappers:NormalizeReward": {"gamma": 0.9}}]})
    assert len({key(**settings) for settings in others}) == len(others)
    assert key(random_score=1.0, note="x") == key()


def test_a_run_records_its_task_and_its_policy_is_played_on_it(tmp_path):
    where = dataclasses.replace(cell("npg", envs=4, batch=256), spec={"id": "own_tasks:Scaled-v0", **SETTINGS})
    run = finish(Run("npg", where.spec, where.method.options, where.steps, 0))
    write_run(tmp_path, run, where, 0, wall_seconds=1.0, commit=None)
    record = json.loads((tmp_path / "run.json").read_text())
    assert (record["task_id"], record["task_settings"]) == ("own_tasks:Scaled-v0", SETTINGS)
    assert spec_of(record) == where.spec and where.task_id == "own_tasks:Scaled-v0"
    assert {episode.length for episode in run.envs.episodes if episode.end == "truncated"} == {30}
    assert {(row.length, row.end) for row in play(tmp_path)} == {(30, "truncated")}
    plain = small("npg")
    write_run(tmp_path, finish(Run("npg", plain.spec, plain.method.options, 300, 0)), plain, 0, 1.0, None)
    record = json.loads((tmp_path / "run.json").read_text())
    assert (record["task_id"], spec_of(record)) == ("InvertedPendulum-v4", "InvertedPendulum-v4")
    assert not record.keys() & {"task_settings", "packages"}


# Packages

PACKAGE = """
import gymnasium
import own_tasks

class Double(own_tasks.Base):
    pass

gymnasium.register("Double-v0", Double, max_episode_steps=40)
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A distribution ``pendulums-of-all-kinds`` that has the package ``pendulums``, as pip leaves it."""

    def install(version):
        info = tmp_path / f"pendulums_of_all_kinds-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pendulums-of-all-kinds\nVersion: {version}\n")
        (info / "RECORD").write_text("pendulums/__init__.py,,\n")
        (tmp_path / "pendulums").mkdir(exist_ok=True)
        (tmp_path / "pendulums/__init__.py").write_text(PACKAGE)
        return info

    monkeypatch.syspath_prepend(tmp_path)
    yield install
    sys.modules.pop("pendulums", None)


def test_the_version_of_a_tasks_package_is_recorded_and_compared(package, tmp_path):
    info = package("1.3")
    assert importlib.metadata.version("pendulums-of-all-kinds") == "1.3"
    where = dataclasses.replace(cell("npg", envs=4, batch=256), spec="pendulums:Double-v0")
    run = Run("npg", where.spec, where.method.options, where.steps, 0)
    run.iterate()
    checkpoint.save(run, tmp_path / "c", {}, {})
    write_run(tmp_path / "run", finish(run), where, 0, wall_seconds=1.0, commit=None)
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert record["packages"] == {"pendulums-of-all-kinds": "1.3"}
    later = record | {"packages": {"pendulums-of-all-kinds": "1.4"}}
    assert mixed([record, record, later]) == "pendulums-of-all-kinds 1.3 (2 runs), 1.4 (1 run)"
    assert mixed([record, {name: value for name, value in record.items() if name != "packages"}]) == ""

    info.rename(tmp_path / "old")
    package("1.4")
    fresh = Run("npg", where.spec, where.method.options, where.steps, 0)
    said = checkpoint.load(fresh, tmp_path / "c", {})
    assert said.startswith("it is of another packages") or "1.4" in said


def test_a_wrappers_package_counts_and_files_of_the_checkout_and_gymnasium_do_not(package):
    package("1.3")
    assert packages(["pendulums.wrappers", "gymnasium.core", "builtins"]) == {"pendulums-of-all-kinds": "1.3"}
    assert packages(["gymnasium.envs.mujoco.hopper_v4", "core.envs.vector", "typing", "no_such_module"]) == {}


# The score of an untrained policy


def test_episodes_of_a_task_without_a_limit_are_cut():
    returns = random_returns("own_tasks:Unending-v0", 10)
    assert len(returns) == 10 and (returns < -1000).all(), "1000 steps of −(a − goal)², two coordinates of variance 1"


def test_it_is_measured_once_where_envs_yaml_gives_none(tmp_path, monkeypatch, capsys):
    for module in (tasks, random_score):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "schemas").symlink_to(ROOT / "schemas")
    entry = {"id": "own_tasks:Scaled-v0", "kwargs": {"scale": 2.0}}
    (tmp_path / "envs.yaml").write_text(yaml.safe_dump({"Mine": entry}))
    monkeypatch.setattr(random_score, "read_config", lambda path, **_: read_config(path, ROOT))
    task = make_study("s", ENTRY, {"Mine": entry}).tasks["Mine"]
    with pytest.raises(UsageError, match=r"^envs.yaml: Mine: its random_score is not measured yet: python -m play.ran"):
        _ = task.random_score
    assert random_score.main(["Mine"]) == 0
    printed = float(capsys.readouterr().out.split()[2])
    assert not (tmp_path / "results").exists(), "only shown"
    assert random_score.main(["--keep", "Mine"]) == 0
    kept = json.loads((tmp_path / task.score_file).read_text())
    assert task.score_file.startswith("results/runs/untrained/Mine/")
    assert task.random_score == kept["random_score"] == pytest.approx(printed, abs=0.01)
    assert kept["random_score"] == random_returns(task.spec, 100).mean()
    assert (kept["episodes"], kept["task"]) == (100, task.spec) and kept["versions"]["numpy"] == np.__version__
    other = make_task("Mine", {"id": "own_tasks:Scaled-v0"})
    assert other.score_file != task.score_file and make_task("Mine", entry | {"random_score": 4}).random_score == 4
    (tmp_path / task.score_file).write_text("broken")
    with pytest.raises(UsageError, match="is not measured yet"):
        _ = task.random_score
    (tmp_path / "envs.yaml").write_text('Mine: {id: "own_tasks:Strict-v0"}')
    assert random_score.main(["--keep", "Mine"]) == 2
    said = "error: envs.yaml: Mine: cannot be measured (AssertionError: out of bounds): give a random_score\n"
    assert capsys.readouterr().err == said
    assert random_score.main(["Mien"]) == 2
    assert "did you mean 'Mine'" in capsys.readouterr().err


def test_one_that_is_no_number_is_not_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(random_score, "ROOT", tmp_path)
    with pytest.raises(UsageError, match=r"^envs.yaml: Mine: returns of an untrained policy are not finite"):
        random_score.keep(make_task("Mine", {"id": "Hopper-v4"}), np.array([1.0, np.inf]), 0.0)
    assert not list(tmp_path.iterdir())
