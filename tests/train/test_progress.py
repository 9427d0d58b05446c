"""What a run says of itself while it trains: true, seldom, cheap, and gone when the run is finished."""

import hashlib
import json
import subprocess
import sys
import time

import pytest
from checkpoints import fresh
from copied import copy_project, edit

from core.errors import TaskError, UsageError
from study.cells import FILES
from study.progress import Progress, read_progress
from train.progress import Reporter, line, said

STUDY = """
tiny:
  tasks: [InvertedPendulum]
  seeds: 2
  steps: 6000
  methods:
    npg: {batch: 256}
    broken: {batch: 256}
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "progress.json"


def test_the_file_and_the_line_say_how_far_the_run_is(path, capsys):
    run = fresh()
    reporter = Reporter("npg on a task", path, 2600)
    assert read_progress(path) == Progress("starting", 2600)
    reporter.compiling()
    assert read_progress(path).state == "compiling"
    reporter.training(run, 0.5)
    assert read_progress(path) == Progress("training", 2600, seconds=0.5)
    run.iterate()
    returns = [episode.ret for episode in run.envs.episodes if episode.end != "cut"]
    reporter.stopped(run, 2.0, "the next start goes on")
    now = read_progress(path)
    assert now == Progress("stopped", 2600, 256, pytest.approx(sum(returns) / len(returns)), 2.0, 128.0)
    said = f"npg on a task        256 / 2,600 steps  return {now.mean_return:8.1f}     128 steps/s  left 0:18"
    assert line("npg on a task", now) == said
    reporter.failed(ValueError("of\ntwo lines"), "Hopper")
    assert read_progress(path) == Progress(**vars(now) | {"state": "failed", "error": "ValueError: of two lines"})
    reporter.finished(run, 2.0, "results/runs/x")
    out = capsys.readouterr().err
    assert "npg on a task: stopped at 256 steps; the next start goes on\n" in out
    assert out.endswith(f"{said}\nnpg on a task: running in 2 s: results/runs/x\n")
    reporter.remove()
    assert not list(path.parent.iterdir())


def test_the_file_is_written_every_two_seconds_at_most_and_less_often_where_that_is_slow(path, monkeypatch):
    run, clock, cost, written = fresh(), [0.0], [1e-4], []
    run.iterate()

    def write(now, path):
        written.append(clock[0])
        clock[0] += cost[0]

    monkeypatch.setattr(Progress, "write", write)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    reporter = Reporter("run", path, 2600)
    for _ in range(100):
        clock[0] += 0.1
        reporter.iterated(run, clock[0])
    assert len(written) == 1 + 4, "in ten seconds"
    cost[0] = 0.01  # as on a slow disk
    for _ in range(1000):
        clock[0] += 0.1
        reporter.iterated(run, clock[0])
    assert len(written) <= 5 + 2 + 10, "a thousandth of the time"


def test_where_it_cannot_be_written_the_run_goes_on(path):
    path.mkdir()
    Reporter("run", path, 2600).training(fresh(), 1.0)
    assert read_progress(path) is None and not list(path.iterdir())


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UsageError("give it more steps"), "give it more steps"),
        (TaskError("envs.yaml: CartPole-v1: no"), "envs.yaml: Cart: CartPole-v1: no"),
        (ZeroDivisionError("division\n by zero"), "ZeroDivisionError: division by zero"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_one_line(error, expected):
    assert said(error, "Cart") == expected


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A study of which one method fails in its second update, and whose runs tell of every iteration."""
    project = copy_project(tmp_path_factory.mktemp("progress") / "project")
    (project / "studies.yaml").write_text(STUDY)
    source = (project / "algos/npg.py").read_text()
    fails = (
        "def update(agent, *others):\n    if agent.filter.count > 300:\n        1 / 0\n    return old(agent, *others)"
    )
    (project / "algos/broken.py").write_text(source.replace("def update(", f"{fails}\n\n\ndef old("))
    return project


def train(project, method, seed="0"):
    cell = ["--study", "tiny", "--task", "InvertedPendulum", "--method", method, "--seed", seed]
    return subprocess.run([sys.executable, "-m", "train", *cell], cwd=project, capture_output=True, text=True)


def digests(project, seed):
    (folder,) = project.glob(f"results/runs/npg/*/*/seed{seed}")
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES if name != "run.json"}


@pytest.mark.long
def test_a_run_that_fails_leaves_its_error_and_a_finished_one_leaves_nothing(project):
    assert train(project, "broken").returncode == 1
    (path,) = project.glob("work/results/runs/broken/*/*/seed0/progress.json")
    now = json.loads(path.read_text())
    assert (now["state"], now["error"]) == ("failed", "ZeroDivisionError: division by zero")
    assert (now["steps"], now["budget"]) == (0, 6000), "as it was at the last write, less than two seconds ago"
    assert train(project, "npg").returncode == 0
    assert [file.name for file in project.glob("work/results/runs/npg/*/*/seed0/*")] == ["lock"]
    (results,) = project.glob("results/runs/npg/*/*")
    (results / "seed1").write_text("in the place of the folder")
    assert train(project, "npg", "1").returncode == 2
    (path,) = project.glob("work/results/runs/npg/*/*/seed1/progress.json")
    assert read_progress(path).error.endswith("seed1: cannot be written: File exists")
    (results / "seed1").unlink()


@pytest.mark.long
def test_the_bytes_of_a_run_do_not_depend_on_it(project):
    assert train(project, "npg").returncode == 0
    before = digests(project, 0)
    (folder,) = project.glob("results/runs/npg/*/*/seed0")
    (folder / "run.json").unlink()
    edit(project / "train/progress.py", "EVERY = 2.0", "EVERY = 0.0")
    edit(project / "train/progress.py", "SHARE = 0.001", "SHARE = 1e9")
    assert train(project, "npg").returncode == 0
    assert digests(project, 0) == before
