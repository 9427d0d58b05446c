"""A study whose Snakemake is killed, interrupted or stopped ends in the same bytes as one that is not."""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from copied import checkpoint_often, copy_project, edit, run_snakemake, snakemake

pytestmark = pytest.mark.workflow

#: Long enough to be killed in the middle.
STUDY = """
kill:
  tasks: [InvertedPendulum]
  seeds: 2
  steps: 15_000
  methods:
    npg: {batch: 64}
    pg: {batch: 64, value_epochs: 2}
"""
#: The study up to its tables: figures tell no more of it.
KILL = ("kill", "--until", "tables")


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """A project with a checkpoint every few iterations."""
    project = copy_project(tmp_path_factory.mktemp("bare") / "project")
    (project / "studies.yaml").write_text(STUDY)
    checkpoint_often(project)
    return project


@pytest.fixture(scope="session")
def unbroken(bare, once):
    """Digests of the files of the study when nothing happens to it."""
    return written(once("unbroken", lambda project: snakemake(shutil.copytree(bare, project), *KILL)))


@pytest.fixture
def project(bare, tmp_path):
    project = shutil.copytree(bare, tmp_path / "project")
    yield project
    for process in trainers(project):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def written(project):
    """Digests of what the runs wrote, but for run.json, which has the time; and of the table."""
    files = [file for file in project.glob("results/runs/**/*.*") if file.suffix in (".parquet", ".safetensors")]
    files.append(project / "results/kill/tables/scores.csv")
    return {str(file.relative_to(project)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def start(project):
    """Snakemake in a process group of its own, as a shell starts it."""
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *KILL]
    with (project / "said").open("w") as said:
        return subprocess.Popen(command, cwd=project, env=os.environ | {"PATH": path}, process_group=0, stderr=said)


def trainers(project):
    """Processes that train in this project, from /proc."""
    found = []
    for path in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if path.isdigit() and os.readlink(f"/proc/{path}/cwd") == str(project):
                with open(f"/proc/{path}/cmdline") as file:
                    found += [int(path)] * ("\0train\0" in file.read())
    return found


def wait(until, seconds=90):
    end = time.monotonic() + seconds
    while not (result := until()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return result


def checkpoints(project):
    return list(project.glob("work/results/runs/**/checkpoint"))


def taken_up(project):
    """How many runs went on from a checkpoint, by their logs."""
    return sum("goes on at" in log.read_text() for log in project.glob("logs/runs/**/*.log"))


HOW = {
    "SIGKILL to Snakemake": (lambda process: process.kill()),
    "SIGKILL to all": (lambda process: os.killpg(process.pid, signal.SIGKILL)),
    "SIGINT to all": (lambda process: os.killpg(process.pid, signal.SIGINT)),
    "SIGINT to Snakemake": (lambda process: process.send_signal(signal.SIGINT)),
    "SIGTERM to all": (lambda process: os.killpg(process.pid, signal.SIGTERM)),
    "SIGTERM to Snakemake": (lambda process: process.terminate()),
}


@pytest.mark.parametrize(
    "how", [h if h == "SIGKILL to Snakemake" else pytest.param(h, marks=pytest.mark.slow) for h in HOW]
)
def test_the_next_call_finishes_the_study_to_the_same_bytes(project, unbroken, how):
    process = start(project)
    wait(lambda: len(checkpoints(project)) == 2)
    HOW[how](process)
    process.wait(120)
    wait(lambda: not trainers(project), 60)  # none goes on as an orphan
    begun = checkpoints(project)
    done = {file: file.read_bytes() for file in project.glob("results/runs/*/*/*/*/run.json")}
    said = (project / "said").read_text()
    assert "no backup found" not in said
    assert len(begun) + len(done) >= 2, said[-3000:]
    assert len(begun) == 2 or how in ("SIGINT to Snakemake", "SIGTERM to Snakemake"), "it lets its jobs end"
    again = run_snakemake(project, *KILL)
    if "SIGKILL" in how:
        assert again.returncode != 0
        assert "--unlock" in again.stderr
        snakemake(project, "kill", "--unlock")
        again = run_snakemake(project, *KILL)
    assert again.returncode == 0, again.stderr[-3000:]
    assert written(project) == unbroken
    assert taken_up(project) == len(begun), "each went on where it was"
    assert {file: file.read_bytes() for file in done} == done, "what was finished is not made again"
    assert not checkpoints(project)
    assert "Execute" in again.stderr and "Execute" not in snakemake(project, *KILL), "nothing is left to be done"


@pytest.mark.slow
def test_an_orphan_is_waited_for_and_its_run_not_made_twice(project):
    """Where the system does not end a job with its parent, as Linux does."""
    edit(project / "train/__main__.py", "ctypes.CDLL(None).prctl(1, signal.SIGTERM)", "pass")
    edit(project / "studies.yaml", "15_000", "60_000")
    edit(project / "studies.yaml", "    pg: {batch: 64, value_epochs: 2}\n", "")
    edit(project / "studies.yaml", "seeds: 2", "seeds: 1")
    process = start(project)
    wait(lambda: checkpoints(project))
    (orphan,) = trainers(project)
    process.kill()
    process.wait(60)
    snakemake(project, "kill", "--unlock")
    snakemake(project, *KILL)
    (log,) = project.glob("logs/runs/**/seed0.log")
    assert log.read_text().startswith("another process trains results/runs/npg/")
    assert "already there" in log.read_text()
    assert orphan not in trainers(project)
    (record,) = project.glob("results/runs/*/*/*/*/run.json")
    assert '"resumed": 0' in record.read_text()
