"""All that is made of a study, by the command of its users, from made-up runs, some of which diverged."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from copied import copy_project

from analysis.data.products import figures, figures_of, statistics, tables_of
from analysis.terminal.compare import report, side
from core.errors import UsageError
from study.plan import load_study

pytestmark = pytest.mark.long

STUDIES = """
mini:
  title: A mini study
  tasks: [Hopper, Reacher]
  seeds: 3
  steps: 1_000_000
  methods:
    trpo: {published: TRPO}
    clip_02: {algo: ppo_clip, published: PPO (Clip), row: clipping 0.2}
    clip_01: {algo: ppo_clip, epsilon: 0.1, row: clipping 0.1}
    unbounded: {algo: ppo_kl, adaptive: false, beta: 0, row: no clipping or penalty, label: no penalty}
part:
  tasks: [Hopper, Reacher]
  seeds: 3
  steps: 1_000_000
  methods:
    clip_02: {algo: ppo_clip, published: PPO (Clip), label: clipping 0.2}
    npg:
empty:
  tasks: [Hopper]
  seeds: 1
  steps: 300_000
  methods: {npg: }
steps:
  title: Sizes
  tasks: [Hopper]
  seeds: 1
  steps: 100_000
  methods:
    trpo: {sweep: {max_kl: [0.001, 0.01]}}
"""
QUALITY = {"trpo": 1.0, "trpo:0.01": 1.2, "clip_02": 1.5, "clip_01": 1.4, "unbounded": 0.5}


def write_run(root, cell, seed, status="finished", commit_shift=0.0):
    folder = root / cell.folder(seed)
    folder.mkdir(parents=True)
    steps = np.arange(1000, cell.steps + 1, 1000)[: 400 if status == "diverged" else None]
    top = 1000 * QUALITY.get(cell.method.name, 1) + 50 * seed + commit_shift
    returns = np.linspace(0, top, len(steps))
    if status == "diverged":
        returns[-1] = np.inf
    rows = {"step": steps, "return": returns, "length": np.full(len(steps), 1000, np.int32), "end": "truncated"}
    pd.DataFrame(rows).to_parquet(folder / "episodes.parquet")
    pd.DataFrame({"iteration": [0], "step": [1024], "kl": [0.01]}).to_parquet(folder / "updates.parquet")
    (folder / "policy.safetensors").touch()
    record = {"task": cell.task, "task_id": cell.task_id, "algo": cell.method.algo, "seed": seed, "key": cell.key}
    record |= {"steps": cell.steps, "status": status, "options": cell.method.options, "wall_seconds": 60.0 + seed}
    record |= {"steps_per_second": 1e4, "peak_memory_mb": 400.0 + seed, "compiled": True, "cpu": {"model": "some CPU"}}
    (folder / "run.json").write_text(json.dumps(record))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project: of ``mini`` all runs but the last of one cell, one of them diverged; of ``steps`` all."""
    root = copy_project(tmp_path_factory.mktemp("project"))
    (root / "studies.yaml").write_text(STUDIES)
    for name in ("mini", "steps"):
        for cell in load_study(name, root).cells:
            for seed in cell.seeds:
                if (cell.method.name, cell.task, seed) != ("trpo", "Hopper", 2):
                    write_run(
                        root, cell, seed, "diverged" if (cell.method.name, seed) == ("unbounded", 1) else "finished"
                    )
    write_run(root, load_study("part", root).cell("Hopper", "npg"), 0)
    return root


def python(root, *arguments, error=False):
    command = [sys.executable, "-W", "error::UserWarning", "-m", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert (done.returncode != 0) == error, done.stderr[-3000:]
    return done.stderr if error else done.stdout


@pytest.fixture(scope="module")
def made(project):
    """The study so far."""
    python(project, "analysis.terminal.so_far", "mini")
    return project / "results/mini/so_far"


def table(made, name):
    return pd.read_csv(made / f"tables/{name}.csv")


def test_every_product_is_made_and_every_one_made_has_a_description(project, made):
    mini, steps = load_study("mini", project), load_study("steps", project)
    every = {table for maker in statistics().values() for table in maker.makes} | {"scores", "runs"}
    assert {path.stem for path in (made / "tables").glob("*.csv")} == set(tables_of(mini)) == every - {"sweeps"}
    drawn = {path.stem for path in (made / "figures").iterdir()}
    assert drawn == set(figures_of(mini)) == set(figures()) - {"sweeps"}
    for name in drawn:
        assert (made / f"figures/{name}.png").is_file() and (made / f"figures/{name}.svg").is_file()
        text = (made / f"figures/{name}.txt").read_text()
        assert text.startswith("A mini study (so far: 23 of 24 runs). ")
        assert "-v4" in text, "the version of the tasks"
        if name != "curves":  # whose legend counts them
            assert f" 2 of {18 if name == 'table1' else 23} runs diverged" in text, "in table1, of its three rows"
    python(project, "analysis.terminal.so_far", "steps")
    assert list(figures_of(steps)) == ["sweeps"] and list(tables_of(steps)) == ["scores", "runs", "sweeps"]
    sizes = project / "results/steps/so_far/figures"
    assert {path.name for path in sizes.iterdir()} == {f"sweeps.{kind}" for kind in ("png", "svg", "txt")}


def test_figures_are_vectors_and_show_what_is_so_far(made):
    for path in (made / "figures").glob("*.svg"):
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
        assert "<image" not in path.read_text(), "no pixels in it"
        pixels = matplotlib.image.imread(path.with_suffix(".png"))
        assert pixels[..., :3].std() > 0.02, f"{path.stem} is not empty"


def test_a_diverged_run_is_counted_in_every_table(made):
    cells = table(made, "cells").set_index(["task", "method"])
    hopper = cells.loc[("Hopper", "unbounded")]
    assert (hopper["runs"], hopper["finished"]) == (3, 2)
    untrained = 15.36  # envs.yaml
    scores = table(made, "runs").set_index(["task", "method", "seed"])["last_100"]
    assert scores["Hopper", "unbounded", 1] == pytest.approx(untrained, abs=10)
    assert hopper["mean"] == pytest.approx(scores.loc["Hopper"].loc["unbounded"].mean(), rel=1e-4)
    for name in ("aggregates", "profiles", "efficiency", "ranking", "table1"):
        counts = table(made, name).set_index("method").loc[["unbounded"], ["finished", "runs"]]
        assert set(counts.itertuples(index=False, name=None)) == {(4, 6)}, name
    cost = table(made, "cost").set_index(["task", "method"])
    assert cost.loc[("Hopper", "unbounded"), ["finished", "runs"]].tolist() == [2, 3]
    both = ["finished_{}", "runs_{}"]
    differences = table(made, "differences").query("task == 'Hopper' and a == 'trpo' and b == 'unbounded'").iloc[0]
    assert [differences[c.format(side)] for side in "ab" for c in both] == [2, 2, 2, 3]
    improvement = table(made, "improvement").set_index(["a", "b"]).loc[("unbounded", "trpo")]
    assert [improvement[c.format(side)] for side in "ab" for c in both] == [4, 6, 5, 5]
    ordering = table(made, "table1_orderings").set_index(["better", "worse"]).loc[("clip_02", "unbounded")]
    assert [ordering[c.format(side)] for side in ("better", "worse") for c in both] == [6, 6, 4, 6]
    assert table(made, "table1_summary").loc[0, ["finished", "runs"]].tolist() == [16, 18]
    verdict = table(made, "verdict").set_index(["source", "task", "method"])
    assert verdict.loc[("ppo_paper", "Hopper", "trpo"), ["runs", "finished"]].tolist() == [2, 2]


def test_the_tables_agree_with_each_other(made):
    ranking = table(made, "ranking")
    assert ranking["method"].tolist() == ["clip_02", "clip_01", "trpo", "unbounded"]
    assert ranking[[f"p{i}" for i in range(1, 5)]].sum(axis=1).tolist() == pytest.approx([1] * 4)
    aggregates = table(made, "aggregates").set_index(["method", "statistic"])["value"]
    assert ranking.set_index("method")["iqm"]["trpo"] == pytest.approx(aggregates["trpo", "iqm"])
    differences = table(made, "differences")
    assert len(differences) == 2 * 6
    clips = differences.set_index(["task", "a", "b"]).loc[("Reacher", "clip_02", "clip_01")]
    cells = table(made, "cells").set_index(["task", "method"])["mean"]
    assert clips["difference"] == pytest.approx(cells["Reacher", "clip_02"] - cells["Reacher", "clip_01"], rel=1e-3)
    improvement = table(made, "improvement").set_index(["a", "b"])["probability"]
    assert improvement["trpo", "unbounded"] + improvement["unbounded", "trpo"] == pytest.approx(1)
    orderings = table(made, "table1_orderings").set_index(["better", "worse"])["ordering"]
    assert orderings["clip_02", "unbounded"] == "holds"
    assert len(orderings) == 3


def test_captions_name_what_is_compared_and_no_interval_that_is_not_there(project, made):
    python(project, "analysis.terminal.so_far", "part")
    figures = project / "results/part/so_far/figures"
    caption = {path.stem: path.read_text() for path in figures.glob("*.txt")}
    for name in ("aggregates", "profiles", "improvement"):
        assert "Gymnasium Hopper-v4; 1 to 3 seeds" in caption[name], "the task that both have"
    assert "Gymnasium Hopper-v4, Reacher-v4; 1 to 3 seeds" in caption["figure3"]
    assert "band where there are two seeds or more: 95 %" in caption["figure3"]
    assert "Bars (of methods with two runs or more of every task): 95 %" in caption["aggregates"]
    assert "replicates" not in caption["improvement"]
    assert "Right: rank by IQM over bootstrap replicates" in (made / "figures/improvement.txt").read_text()


def test_the_same_runs_make_the_same_bytes(project, made):
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    python(project, "analysis.terminal.so_far", "mini")
    assert {path for path, content in before.items() if path.read_bytes() != content} == set()


def compared(project, a, b):
    return report(side(str(a), project), side(str(b), project))


def test_two_methods_are_compared_in_the_terminal(project, tmp_path):
    out = python(project, "analysis.terminal.compare", "mini:clip_02", "mini:unbounded")
    assert "Hopper" in out and "Reacher" in out
    assert "B: 2 of 6 runs diverged; they count as an untrained policy" in out
    assert out.count(": the interval excludes 0") >= 2
    for word in ("IQM", "median", "mean", "optimality gap", "P(A > B)"):
        assert f"\n  {word}" in out, word
    assert out.split("P(A>B)")[0].count("Holm") == 2, "of Welch's test and of the permutation test"
    assert "better" not in out
    cell = load_study("mini", project).cell("Hopper", "clip_02")
    for seed in (0, 1):
        write_run(tmp_path, cell, seed, commit_shift=500.0)
    out = compared(project, (project / cell.folder(0)).parent, tmp_path)
    assert "3, 2" in out, "runs of each"
    assert "the interval excludes 0" in out, "the same method from another checkout"
    single = compared(project, "mini:clip_02", tmp_path / cell.folder(0))
    assert "no intervals: there is a task with a single run" in single
    assert " to " not in single and "bootstrap intervals" not in single, "no bracket"


def scores(*values, task="Reacher", version="v4"):
    rows = {"task": task, "task_id": f"{task}-{version}", "seed": range(len(values)), "status": "finished"}
    return pd.DataFrame(rows | {"steps": 1000, "last_100": values})


def test_small_returns_keep_their_digits():
    text = report(scores(-6.613, -6.655), scores(-6.528, -6.581))
    row = text.splitlines()[1]
    assert re.search(r"-6\.63 +-6\.55 +-0\.0795 \(-0\.2\d+ to 0\.\d+\)", row), row
    assert re.search(r"0\.\d\d\d?$", row), "the detectable difference is a fraction of 1"
    large = report(scores(4321.26, 4329.1, task="Hopper"), scores(1234.5, 1200.1, task="Hopper")).splitlines()[1]
    assert "4325.2" in large and "1217.3" in large and "+3107.9" in large


def test_runs_on_other_versions_of_a_task_are_not_compared():
    with pytest.raises(UsageError, match="Hopper: runs on Hopper-v4 and Hopper-v5 cannot be compared"):
        report(scores(1.0, 2.0, task="Hopper"), scores(1.0, 2.0, task="Hopper", version="v5"))


def test_a_folder_with_a_task_that_is_not_listed_is_named(project, tmp_path):
    cell = load_study("mini", project).cell("Hopper", "clip_02")
    write_run(tmp_path, cell, 0)
    path = tmp_path / cell.folder(0) / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"task": "Hoper", "task_id": "Hoper-v4"}))
    with pytest.raises(UsageError, match=r"task 'Hoper' is unknown; did you mean 'Hopper'\? \(tasks are listed in"):
        side(str(tmp_path))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ("mini:clip_02", "mini:clipp_01", "method 'clipp_01' is unknown; did you mean 'clip_01'?"),
        ("mini:clip_02", "nano:trpo", "study 'nano' is unknown"),
        ("mini:clip_02", "trpo", "trpo: neither a folder nor STUDY:METHOD"),
        ("mini:clip_02", "published", "published: no finished run below this folder"),
        ("mini:clip_02", "results/runs/ppo_clip", "has runs of 2 keys"),
        ("empty:npg", "mini:trpo", "empty: no run of npg is finished yet"),
        ("mini:trpo", "steps:trpo:0.01", "Hopper: runs of 100,000 and 1,000,000 steps cannot be compared"),
    ],
)
def test_what_cannot_be_compared_says_why(project, monkeypatch, a, b, message):
    monkeypatch.chdir(project)
    with pytest.raises(UsageError, match=re.escape(message)):
        compared(project, a, b)


def test_a_mistake_is_answered_in_a_line(project):
    error = python(project, "analysis.terminal.compare", "mini:clip_02", "trpo", error=True)
    assert error == "error: trpo: neither a folder nor STUDY:METHOD\n"


def test_what_is_no_run_names_its_folder(project, tmp_path):
    cell = load_study("mini", project).cell("Hopper", "clip_02")
    write_run(tmp_path, cell, 0)
    (tmp_path / cell.folder(0) / "run.json").write_text("{")
    with pytest.raises(UsageError, match=f"{tmp_path / cell.folder(0)}: run.json is damaged"):
        side(str(tmp_path))
