"""The page on adding a task, followed to the letter."""

import json
import os
import re
import subprocess
import sys

import pandas as pd
import pytest
from copied import copy_project, run_snakemake
from extend import PAGE, blocks, files, section

from study.plan import ROOT

PACKAGE = """
import gymnasium
import numpy as np

class Cart(gymnasium.Env):
    observation_space = action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))
    metadata = {"render_modes": []}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.x = self.np_random.uniform(-1, 1, 1)
        return self.x.astype(np.float32), {}

    def step(self, action):
        self.x = np.clip(self.x + 0.1 * action, -1, 1)
        return self.x.astype(np.float32), -abs(self.x.item()), False, False, {}

gymnasium.register("Cart-v0", Cart, max_episode_steps=50)
"""


@pytest.mark.workflow
def test_the_page_works_to_the_letter(tmp_path):
    project, packages = copy_project(tmp_path / "project"), tmp_path / "site-packages"
    (*entries, study), (commands,) = blocks("A task", "yaml"), blocks("A task", "sh")
    ((path, code),) = files("A task").items()
    own = project / path
    own.write_text(code)
    (project / "studies.yaml").write_text(study)
    with (project / "envs.yaml").open("a") as file:
        file.write("\n" + "".join(entries))
    (packages / "lab_tasks").mkdir(parents=True)
    (packages / "lab_tasks/__init__.py").write_text(PACKAGE)
    info = packages / "lab_tasks-1.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-tasks\nVersion: 1.3\n")
    (info / "RECORD").write_text("lab_tasks/__init__.py,,\n")
    packaged = {"PYTHONPATH": os.pathsep.join([str(packages), os.environ.get("PYTHONPATH", "")])}

    look, run = (command.split() for command in commands.splitlines())
    done = subprocess.run(
        [sys.executable, *look[1:]], cwd=project, env=os.environ | packaged, capture_output=True, text=True
    )
    said = json.loads(done.stdout)
    limits = {"PointMass": 100, "Cart": 50, "Pendulum": 200, "Hopper-cheap": 500, "GoalMass": 100}
    assert said == {task: {"error": None, "horizon": limit} for task, limit in limits.items()}
    assert run[:3] == ["snakemake", "--cores", "2"]
    done = run_snakemake(project, *run[3:], **packaged)
    assert done.returncode == 0, done.stderr[-3000:]

    records = {}
    for file in project.glob("results/runs/npg/*/*/seed0/run.json"):
        record = json.loads(file.read_text())
        records[record["task"]] = record
        lengths = pd.read_parquet(file.with_name("episodes.parquet")).query("end == 'truncated'")["length"]
        assert lengths.empty or set(lengths) == {limits[record["task"]]}
        log = next(project.glob(f"logs/runs/npg/{record['task']}/*/seed0.log")).read_text()
        assert "cannot be resumed" not in log
    assert records.keys() == limits.keys()
    assert records["Cart"]["packages"] == {"lab-tasks": "1.3"} and "packages" not in records["Pendulum"]
    assert records["Hopper-cheap"]["task_settings"] == {"kwargs": {"ctrl_cost_weight": 0.0}, "horizon": 500}
    assert records["GoalMass"]["task_settings"]["wrappers"] == ["gymnasium.wrappers:FlattenObservation"]
    kept = project.glob("results/runs/untrained/*/*/random_score.json")
    untrained = {file.parts[-3]: json.loads(file.read_text())["random_score"] for file in kept}
    assert untrained.keys() == limits.keys()
    assert untrained["Pendulum"] < -900 and untrained["Hopper-cheap"] > 0
    scores = pd.read_csv(project / "results/own/tables/scores.csv")
    assert set(scores["task"]) == set(limits)
    assert (project / "results/own/index.html").stat().st_size > 10_000
    assert "Nothing to be done" in run_snakemake(project, "-n", *run[3:], **packaged).stdout
    own.write_text(own.read_text().replace("reward = -float(", "reward = -2 * float("))
    plan = run_snakemake(project, "-n", *run[3:], **packaged).stdout
    assert set(re.findall(r"train npg on ([\w-]+),", plan)) == {"PointMass", "GoalMass"}, "an edit of its file trains"
    own.write_text(code)
    film = f"results/own/videos/npg/PointMass/{records['PointMass']['key']}.webp"
    done = run_snakemake(project, film, **packaged)
    assert done.returncode == 0 and "OpenGL" not in done.stderr, done.stderr[-3000:]
    assert (project / film).stat().st_size > 100


def test_it_names_all_that_an_entry_may_have():
    schema = json.loads((ROOT / "schemas/envs.schema.json").read_text())
    rows = re.findall(r"^\| `(\w+)` \|", section("A task").partition("### What an entry may have")[2], re.M)
    assert set(rows) == set(schema["additionalProperties"]["properties"])


def test_each_fact_has_a_line_that_can_be_read():
    assert max(map(len, PAGE.splitlines())) <= 160
