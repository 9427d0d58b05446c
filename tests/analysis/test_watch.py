"""The live table: of a study that is really trained, in a terminal, and at the edges."""

import contextlib
import functools
import math
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

import filelock
import pytest
from copied import copy_project, snakemake

from analysis.terminal.watch import Seen, duration, look, report, seconds_left
from study.cells import FILES
from study.config import read_config
from study.plan import ROOT, make_study
from study.progress import Progress, progress_file

STUDIES = """
short:
  tasks: [InvertedPendulum]
  seeds: 1
  steps: 600
  methods: {npg: {batch: 256}}
long:
  title: A long one
  tasks: [InvertedPendulum]
  seeds: 1
  steps: 50_000_000
  options: {compile_from: 100_000_000}
  methods: {npg: {batch: 256}, broken: {}}
"""


def study_of(**entry):
    entry = {"tasks": ["Hopper", "Reacher"], "seeds": 2, "steps": 1000, "methods": {"trpo": {"batch": 800}}} | entry
    return make_study("made", entry, read_config(ROOT / "envs.yaml"))


def watch(project, study):
    command = [sys.executable, "-m", "analysis.terminal.watch", study]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.workflow
def test_a_study_that_trains_fails_and_stops(tmp_path):
    project = copy_project(tmp_path / "project")
    (project / "studies.yaml").write_text(STUDIES)
    source = (project / "algos/npg.py").read_text()
    (project / "algos/broken.py").write_text(source.replace("def update(", "def update(*_):\n    1 / 0\n\n\ndef old("))
    snakemake(project, "short", "--until", "train")
    short = watch(project, "short")
    assert "1 runs: 1 done, 0 running, 0 failed, 0 waiting" in short
    assert "all is trained; snakemake draws it into results/short/" in short
    assert re.search(r"npg +1/1 +\d", short), "the return of its episodes"

    command = [sys.executable, "-m", "snakemake", "--cores", "2", "long"]
    with (tmp_path / "out").open("w") as out:
        running = subprocess.Popen(command, cwd=project, stdout=out, stderr=out, start_new_session=True)
    try:
        long = until("2 runs: 0 done, 1 running, 1 failed, 0 waiting", project, tmp_path / "out")
        assert "failed: broken InvertedPendulum seed 0  ZeroDivisionError: division by zero" in long
        assert re.search(r"running: npg InvertedPendulum seed 0  (just begun|starting|\d)", long)
        assert re.search(r"npg +0/1 0%", long) and re.search(r"broken +0/1 ✗1", long)
    finally:
        os.killpg(running.pid, signal.SIGINT)
        running.wait(60)
    until("2 runs: 0 done, 0 running, 1 failed, 1 waiting", project, tmp_path / "out")


def test_a_run_that_diverged_or_is_damaged_is_seen(tmp_path):
    study = study_of(seeds=2, tasks=["Hopper"])
    runs = [Seen("Hopper", "trpo", 0, "finished", 1.0, 500.0, 9.0), Seen("Hopper", "trpo", 1, "diverged", 1.0)]
    assert re.search(r"trpo +2/2 †1 +500", report(study, runs))
    folder = tmp_path / study.cells[0].folder(0)
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_bytes(b"no such thing")
    seen = look(study.cells[0], 0, tmp_path)
    assert (seen.state, seen.said) == ("failed", "its files are damaged: snakemake will train it again")


def until(expected, project, out, seconds=180):
    """The table of ``long`` when it says what is expected."""
    end = time.monotonic() + seconds
    while expected not in (table := watch(project, "long")):
        assert time.monotonic() < end, table + out.read_text()[-3000:]
        time.sleep(2)
    return table


def test_what_a_run_says_of_itself_is_shown(tmp_path):
    study = study_of()
    cell = study.cell("Hopper", "trpo")
    path = progress_file(cell.folder(0), tmp_path)
    assert look(cell, 0, tmp_path) == Seen("Hopper", "trpo", 0, "waiting"), "not begun"
    path.parent.mkdir(parents=True)
    with filelock.FileLock(path.with_name("lock")):
        assert "trpo Hopper seed 0  just begun" in report(study, [look(cell, 0, tmp_path)])
        for state in ("starting", "compiling"):
            Progress(state, 1000).write(path)
            assert f"running: trpo Hopper seed 0  {state}" in report(study, [look(cell, 0, tmp_path)])
        Progress("training", 1000, 256, None, 2.0, 128.0).write(path)
        assert "running: trpo Hopper seed 0  26 %  return –  128 steps/s" in report(study, [look(cell, 0, tmp_path)])
        Progress("training", 1000, 512, 34.5, 4.0, 128.0).write(path)
        seen = look(cell, 0, tmp_path)
        assert (seen.state, seen.part, seen.ret, seen.speed, seen.said) == ("running", 0.512, 34.5, 128.0, "")
    seen = look(cell, 0, tmp_path)
    assert (seen.state, seen.part) == ("waiting", 0.512), "killed: it goes on at the next start"
    Progress("stopped", 1000, 640).write(path)
    assert (look(cell, 0, tmp_path).state, look(cell, 0, tmp_path).part) == ("waiting", 0.64)
    Progress("failed", 1000, 640, error="ValueError: the pole is gone").write(path)
    assert "failed: trpo Hopper seed 0  ValueError: the pole is gone" in report(study, [look(cell, 0, tmp_path)])
    with filelock.FileLock(path.with_name("lock")):
        assert look(cell, 0, tmp_path).state == "running", "started again"
    for content in (b"", b"[]", b"{}", b"\xff", b'{"state": "failed"}'):
        path.write_bytes(content)
        assert look(cell, 0, tmp_path).state == "waiting"


def test_the_time_that_is_left():
    def run(state, part=0.0, speed=float("nan"), method="a", task="t"):
        return Seen(task, method, 0, state, part, 0.0, speed)

    assert seconds_left([run("finished", 1, 10)], 1000) == (0.0, 1)
    assert seconds_left([run("running", 0.5, 10), run("waiting")], 1000) == (150.0, 1), "as fast as its cell"
    two = [run("running", 0.5, 10), run("running", 0.5, 10), *[run("waiting")] * 4]
    assert seconds_left(two, 1000) == (250.0, 2)
    assert seconds_left([run("running", 0.9, 10)] * 9 + [run("waiting")], 1000)[0] == 100.0, (
        "no run takes half the time"
    )
    others = [run("finished", 1, 10), run("finished", 1, 40, method="b"), run("finished", 1, 20, task="u")]
    assert seconds_left([*others, run("waiting", task="v")], 1000)[0] == pytest.approx(1000 / 15), "its method's median"
    assert seconds_left([*others, run("waiting", method="c", task="u")], 1000)[0] == 50.0, "its task's"
    assert seconds_left([*others, run("waiting", method="c", task="v")], 1000)[0] == 50.0, "the median of all"
    assert seconds_left([*others, run("failed", 0.5)], 1000)[0] == 50.0, "a run that failed is to be trained"
    for none in ([run("waiting")], [run("running", 0.01, 1), run("waiting")]):
        assert math.isnan(seconds_left(none, 1000)[0]), "no speed is known, or only that of a run that compiled"
    assert [duration(s) for s in (45, 720, 11_100, 187_200)] == ["45 s", "12 min", "3 h 05 min", "2 d 4 h"]


def test_it_fits_the_window():
    study = study_of(
        tasks=["HalfCheetah", "Hopper", "InvertedDoublePendulum", "Reacher", "Swimmer"],
        methods={f"npg_{i}": {"algo": "npg", "batch": 800} for i in range(30)},
    )
    states = {"npg_7": "failed", "npg_25": "running"}
    runs = [
        Seen(cell.task, cell.method.name, seed, states.get(cell.method.name, "waiting"), 0.5, 12.3, 4.0, "error: x")
        for cell in study.cells
        for seed in cell.seeds
    ]
    for width, height in ((60, 30), (100, 24), (200, 60), (30, 10)):
        lines = report(study, runs, width, height).split("\n")
        assert max(map(len, lines)) <= width and len(lines) <= height
    text = report(study, runs, 100, 34)
    assert re.search(r"npg_25 +0/2 50% +12.3", text) and re.search(r"npg_7 +0/2 ✗2", text), "what is busy stays"
    assert "methods more: a taller window shows them" in text
    whole = report(study, runs, 60)
    assert all(whole.count(f"\nnpg_{i} ") == 2 for i in range(30)), "two tables, and nothing left out"
    diverged = report(study, [Seen("Hopper", "npg_1", 0, "diverged", 1.0), *runs[1:]], 100)
    assert "300 runs: 1 done (1 diverged), 10 running, 10 failed, 279 waiting" in diverged


def test_in_a_terminal_it_is_drawn_again_until_ctrl_c(tmp_path):
    project = copy_project(tmp_path / "project")  # in which nothing is trained, whatever is in this one
    shutil.copy(ROOT / "studies.yaml", project)
    main, side = pty.openpty()
    command = [sys.executable, "-m", "analysis.terminal.watch", "quick"]
    # What runs the tests in the background may ignore Ctrl-C, and so would what it starts.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    terminal = {"stdin": side, "stdout": side, "stderr": side, "start_new_session": True}
    process = subprocess.Popen(command, cwd=project, preexec_fn=heed, **terminal)
    os.close(side)
    seen, end, stopped = b"", time.monotonic() + 60, False
    with contextlib.suppress(OSError):  # at its end
        while process.poll() is None and time.monotonic() < end:
            if select.select([main], [], [], 0.2)[0]:
                seen += os.read(main, 65536)
            if not stopped and seen.count(b"\x1b[H") >= 2:
                process.send_signal(signal.SIGINT)
                stopped = True
    assert process.wait(20) == 0
    os.close(main)
    assert seen.startswith(b"\x1b[2J\x1b[H") and seen.count(b"20 runs: 0 done") >= 2
