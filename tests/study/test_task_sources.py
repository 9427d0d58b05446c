"""The files of a task that is the user's own are in the key of its runs; those of packages are not."""

import json
import sys

import gymnasium
import pytest

from core.errors import UsageError
from study.config import read_config
from study.key import ROOT, _task_digest, run_key
from study.task_sources import check_files, own, task_digest, task_files

TASK = """
import os
import gymnasium
from gymnasium.envs.mujoco import MujocoEnv
from rewards import reward

class PointMass(MujocoEnv):
    def __init__(self):
        open("log.csv", "a")
        MODEL = os.path.join(os.path.dirname(__file__), "assets", "point.xml")

gymnasium.register("PointMass-v0", PointMass)
"""


XML = (
    """<mujoco><compiler meshdir="meshes"/><asset><mesh file="ball.stl"/><mesh file = '../arm.obj'/></asset></mujoco>"""
)


@pytest.fixture
def project(tmp_path):
    files = {
        "my_task.py": TASK,
        "rewards.py": "def reward(x):\n    return -x * x\n",
        "other.py": "y = 1\n",
        "assets/point.xml": XML,
        "assets/meshes/ball.stl": "solid ball",
        "assets/other.xml": "<mujoco/>",
        "assets/arm.obj": "v 1",
        "named.py": 'import gymnasium\ngymnasium.register("Named-v0", entry_point="point_impl:P")\n',
        "point_impl.py": "class P:\n    mass = 1\n",
        "log.csv": "1",
        "lab/__init__.py": 'import gymnasium\ngymnasium.register("Cart-v0", entry_point="lab.tasks.cart:Cart")\n',
        "lab/tasks/__init__.py": "",
        "lab/tasks/cart.py": "from .base import Base\n\nclass Cart(Base):\n    pass\n",
        "lab/tasks/base.py": "class Base:\n    mass = 1\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


POINT, CART = "my_task:PointMass-v0", "lab:Cart-v0"


@pytest.mark.parametrize(
    ("task", "name", "counts"),
    [
        (POINT, "my_task.py", True),
        (POINT, "rewards.py", True),
        (POINT, "other.py", False),
        (POINT, "assets/point.xml", True),
        (POINT, "assets/meshes/ball.stl", True),
        (POINT, "assets/other.xml", False),
        (POINT, "lab/tasks/base.py", False),
        (POINT, "log.csv", False),
        ({"id": "named:Named-v0"}, "point_impl.py", True),
        ({"id": "Hopper-v4", "files": ["assets/point.xml"]}, "assets/meshes/ball.stl", True),
        ({"id": "Hopper-v4", "files": ["assets/point.xml"]}, "assets/arm.obj", True),
        (CART, "lab/__init__.py", True),
        (CART, "lab/tasks/cart.py", True),
        (CART, "lab/tasks/base.py", True),
        (CART, "my_task.py", False),
        ({"id": POINT, "files": ["assets/other.xml"]}, "assets/other.xml", True),
        ({"id": "Hopper-v4", "wrappers": ["lab.tasks.base:Base"]}, "lab/tasks/base.py", True),
        ({"id": "Hopper-v4", "wrappers": [{"rewards:R": {"x": 1}}]}, "rewards.py", True),
    ],
    ids=str,
)
def test_an_edit_counts_where_the_task_runs_the_file(project, task, name, counts):
    before, path = task_digest(task, project), project / name
    assert before and (path.resolve() in task_files(task, project)) == counts
    path.write_text(
        path.read_text().replace("1", "2").replace("-x * x", "-abs(x)").replace("ball", "cube") + "\nz = 3\n"
    )
    assert (task_digest(task, project) != before) == counts


def test_comments_and_the_place_of_the_checkout_do_not_count(project, tmp_path_factory):
    before = task_digest(POINT, project)
    (project / "rewards.py").write_text("# a remark\n" + (project / "rewards.py").read_text())
    assert task_digest(POINT, project) == before
    there = project.rename(tmp_path_factory.mktemp("elsewhere") / "checkout")
    assert task_digest(POINT, there) == before


def test_a_module_beside_the_checkout_counts(project, tmp_path_factory, monkeypatch):
    """It is found where Python would find it: by PYTHONPATH."""
    checkout = tmp_path_factory.mktemp("checkout")
    assert task_digest(POINT, checkout) is None, "Python would not find it"
    monkeypatch.setattr(sys, "path", [*sys.path, str(project)])
    before = task_digest(POINT, checkout)
    (project / "rewards.py").write_text("def reward(x):\n    return 0\n")
    assert before and task_digest(POINT, checkout) != before


def test_tasks_of_packages_have_no_files_here(project):
    entries = read_config(ROOT / "envs.yaml").values()
    assert {task_digest(entry["id"], ROOT) for entry in entries} == {None}
    for task in ("gymnasium:Hopper-v4", {"id": "Hopper-v4", "wrappers": ["gymnasium.wrappers:FlattenObservation"]}):
        assert task_digest(task, project) is None
    assert own("json.decoder", project) is None and own("nowhere.at.all", project) is None


def test_a_file_that_is_missing_or_does_not_parse_is_named(project):
    with pytest.raises(UsageError, match=r"^envs.yaml: Hopper-v4: files: models/none.xml: No such file or directory$"):
        task_digest({"id": "Hopper-v4", "files": ["models/none.xml"]}, project)
    (project / "rewards.py").write_text("def reward(:\n")
    with pytest.raises(UsageError, match=r"^rewards.py: line 1: "):
        task_digest(POINT, project)
    latin = "# -*- coding: latin-1 -*-\ndef reward(x):\n    return 'é'\n"
    (project / "rewards.py").write_bytes(latin.encode("latin-1"))
    assert task_digest(POINT, project), "a text in another encoding, which it names"
    (project / "rewards.py").write_bytes(b"x = '\xff'\n")
    with pytest.raises(UsageError, match=r"^rewards.py: "):
        task_digest(POINT, project)


def test_a_file_that_the_key_does_not_see_is_refused(project):
    seen = [f"{gymnasium.__path__[0]}/envs/mujoco/assets/hopper.xml", json.__file__, str(ROOT / "core/run.py")]
    check_files(seen, "Hopper-v4", ROOT)
    check_files([str(project / "assets/point.xml"), str(project / "my_task.py")], POINT, project)
    xml = str(project / "assets/other.xml")
    check_files([xml], {"id": POINT, "files": ["assets/other.xml"]}, project)
    said = r"^envs.yaml: Hopper-v4: runs would not see an edit of a file of its: add files: \[assets/other.xml\]$"
    with pytest.raises(UsageError, match=said):
        check_files([xml], {"id": "Hopper-v4", "kwargs": {"xml_file": xml}}, project)


def test_the_key_of_a_run_follows_them(project, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(project)])

    def key(task):
        _task_digest.cache_clear()
        return run_key("npg", task, {}, 1)

    before = key(POINT)
    assert key(POINT) == before
    (project / "rewards.py").write_text("def reward(x):\n    return 0\n")
    assert key(POINT) != before
    assert key("Hopper-v4") != key({"id": "Hopper-v4", "kwargs": {"reset_noise_scale": 0.1}})
