"""A run that is broken off, anywhere and anyhow, ends in the same bytes as one that is not."""

import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

import late
import numpy as np
import pytest
import torch
from checkpoints import IDENTITY, OFTEN, TRAIN, equal, finish, fresh, save
from small_runs import SMALL

from study.config import read_config
from study.options import algorithms
from study.plan import ROOT
from train import checkpoint
from train.keeper import Keeper
from train.provenance import provenance

assert late  # registers a task that is no simulator
TASKS = [task["id"] for task in read_config(ROOT / "envs.yaml").values()]


@pytest.mark.parametrize("algo", algorithms())
@pytest.mark.parametrize("task_id", ["Hopper-v4", "Reacher-v5"])
def test_every_algorithm_goes_on_where_it_was(algo, task_id, tmp_path):
    how = {"algo": algo, "task_id": task_id}
    assert equal(finish(fresh(**how)), finish(fresh(**how), tmp_path / "c", **how))


@pytest.mark.slow
@pytest.mark.parametrize("algo", ["ppo_clip", "trpo"])
def test_compiled_runs_do_too(algo, tmp_path):
    how = {"algo": algo, "compile_from": 1}
    assert equal(finish(fresh(**how)), finish(fresh(**how), tmp_path / "c", **how))


@pytest.mark.parametrize("task_id", TASKS)
def test_every_task_does(task_id, tmp_path):
    how = {"task_id": task_id, "steps": 800}
    assert equal(finish(fresh(**how)), finish(fresh(**how), tmp_path / "c", every=1, **how))


@pytest.mark.parametrize("changes", [{"normalize_obs": False}, {"algo": "pg", "critic": False}, {"envs": 1}], ids=str)
def test_other_options_do(changes, tmp_path):
    assert equal(finish(fresh(**changes)), finish(fresh(**changes), tmp_path / "c", every=1, **changes))


@pytest.fixture
def kept(tmp_path):
    run = fresh()
    run.iterate()
    save(run, tmp_path / "c")
    return tmp_path / "c"


@pytest.mark.parametrize("harm", ["empty", "short", "garbled", "text", "digest alone"])
def test_a_damaged_checkpoint_is_found_out_and_the_run_starts_over(kept, harm, capsys):
    content = kept.read_bytes()
    middle = len(content) // 2
    kept.write_bytes(
        {
            "empty": b"",
            "short": content[:middle],
            "garbled": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "text": b"not a checkpoint at all, whatever its name says, and long enough",
            "digest alone": content[:32],
        }[harm]
    )
    run = fresh()
    keeper = Keeper(run, kept, IDENTITY, time.perf_counter())
    keeper.resume()
    assert "damaged" in capsys.readouterr().err
    assert (run.envs.steps, keeper.resumed) == (0, 0)
    assert equal(finish(run), finish(fresh()))


@pytest.mark.parametrize("change", [{"key": "other"}, {"seed": 1}])
def test_a_checkpoint_of_another_run_is_refused(kept, change):
    assert f"another {next(iter(change))}" in checkpoint.load(fresh(), kept, IDENTITY | change)


@pytest.mark.parametrize("what", ["versions", "cpu", "libc", "kernels", "overrides", "compiler"])
def test_a_checkpoint_of_another_machine_is_refused(kept, what, monkeypatch):
    here = provenance(compiled=False)
    monkeypatch.setattr(checkpoint, "provenance", lambda compiled: here | {what: "another one"})
    assert f"is of another {what}" in checkpoint.load(fresh(), kept, IDENTITY)


def test_a_checkpoint_made_under_another_lock_file_is_taken(kept, monkeypatch):
    here = provenance(compiled=False)
    monkeypatch.setattr(checkpoint, "provenance", lambda compiled: here | {"lock": "another one"})
    assert checkpoint.load(fresh(), kept, IDENTITY) is None


def test_a_checkpoint_that_would_run_code_does_not(kept):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(kept.parent / "evil"),)

    stream = io.BytesIO()
    torch.save({"identity": Evil()}, stream)
    kept.write_bytes(hashlib.sha256(stream.getvalue()).digest() + stream.getvalue())
    assert "damaged" in checkpoint.load(fresh(), kept, IDENTITY)
    assert not (kept.parent / "evil").exists()


def test_what_cannot_be_kept_is_said_once_and_the_run_goes_on(tmp_path, capsys):
    run = fresh()
    run.state["odd"] = (i for i in range(3))
    keeper = Keeper(run, tmp_path / "c", IDENTITY, time.perf_counter())
    keeper.save()
    keeper.save()
    assert capsys.readouterr().err.count("the next start begins again: state['odd'] is a generator") == 1
    assert not list(tmp_path.iterdir())


def test_numbers_of_numpy_and_sets_in_the_state_are_kept(tmp_path):
    def run(values):
        made = fresh()
        made.state |= values
        return made

    first = run({"count": np.float32(0.1), "seen": {1, 2}, "sums": np.arange(3)})
    first.iterate()
    first.updates[-1]["kl"] = np.float64(0.25)
    save(first, tmp_path / "c")
    second = run({"count": np.float32(0.5), "seen": set(), "sums": (sums := np.zeros(3, int))})
    assert checkpoint.load(second, tmp_path / "c", IDENTITY) is None
    assert (second.state["count"], type(second.state["count"])) == (np.float32(0.1), np.float32)
    assert (second.state["seen"], second.state["sums"] is sums, sums.tolist()) == ({1, 2}, True, [0, 1, 2])
    assert second.updates[-1]["kl"] == 0.25


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(kept, monkeypatch, capsys):
    before, run = kept.read_bytes(), fresh()
    keeper = Keeper(run, kept, IDENTITY, time.perf_counter())

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    keeper.save()
    assert "No space left" in capsys.readouterr().err
    assert kept.read_bytes() == before
    assert [path.name for path in kept.parent.iterdir()] == ["c"]


def test_checkpoints_take_no_more_than_their_share_of_a_run(tmp_path, monkeypatch):
    keeper = Keeper(fresh(), tmp_path / "c", IDENTITY, 0.0)
    clock = iter([100.0, 100.0, 102.0, 140.0, 300.0, 303.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    keeper.save()  # of two seconds: from 100 to 102
    assert not keeper.due()
    assert not keeper.due()
    assert keeper.due()


# Processes


def command(start, algo, folder):
    """One run of this algorithm in a copy of the project."""
    return {
        "args": [*start, "--study", "kill", "--task", "InvertedPendulum", "--method", algo, "--seed", "0"],
        "cwd": folder,
        "stderr": subprocess.PIPE,
        "text": True,
    }


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    """Two copies of the project, with a study of every algorithm."""
    options = {algo: json.dumps(SMALL.get(algo, {"batch": 64})) for algo in algorithms()}
    methods = ", ".join(f"{algo}: {given}" for algo, given in options.items())
    study = f"kill:\n  tasks: [InvertedPendulum]\n  seeds: 1\n  steps: 6000\n  methods: {{{methods}}}\n"
    folders = [tmp_path_factory.mktemp(name) for name in ("whole", "killed")]
    for folder in folders:
        for part in ("algos", "core", "play", "schemas", "study", "train"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "envs.yaml", folder)
        (folder / "studies.yaml").write_text(study)
    return folders


def written(folder, algo):
    """Digests of what a run wrote, but for run.json, which has the time."""
    files = [
        path for path in (folder / "results/runs" / algo).rglob("*.*") if path.suffix in (".parquet", ".safetensors")
    ]
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)]


@pytest.mark.long
@pytest.mark.parametrize("algo", [a if a == "npg" else pytest.param(a, marks=pytest.mark.slow) for a in algorithms()])
def test_killed_at_any_point_it_ends_in_the_same_bytes(projects, algo):
    whole, killed = projects
    subprocess.run(**command(TRAIN, algo, whole), check=True)
    rng, resumed = random.Random(algo), 0
    for longest in (1.0, 0.3, 0.1, 0.0):  # seconds after the first checkpoint; a quick run may be over before
        for _ in range(3):
            with subprocess.Popen(**command(OFTEN, algo, killed)) as process:
                until = time.monotonic() + 60
                while not list(killed.glob(f"work/results/runs/{algo}/**/checkpoint")) and time.monotonic() < until:
                    if process.poll() is not None:
                        break
                    time.sleep(0.01)
                time.sleep(rng.uniform(0, longest))
                process.send_signal(signal.SIGKILL)
                resumed += "goes on at" in process.stderr.read()
        resumed += "goes on at" in subprocess.run(**command(OFTEN, algo, killed), check=True).stderr
        if resumed:
            break
        shutil.rmtree(killed / "results/runs" / algo)
    assert resumed
    assert len(written(killed, algo)) == 3
    assert written(killed, algo) == written(whole, algo)
    assert not list(killed.glob(f"work/results/runs/{algo}/**/checkpoint"))


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_keeps_all_and_says_so(projects, number):
    _, killed = projects
    longer = ["--steps", "200000", "--set", "compile_from=1000000"]
    given = command(TRAIN, "npg", killed)
    given["args"] += longer
    with subprocess.Popen(**given) as process:
        while not list(killed.glob("work/results/runs/npg/**/lock")):
            time.sleep(0.01)
        time.sleep(5.0)
        process.send_signal(number)
        said = process.stderr.read()
    assert process.returncode == 130
    assert re.search(r"stopped at ([\d,]+) steps; the next start goes on from \1 steps", said)
    (kept,) = killed.glob("work/results/runs/npg/**/checkpoint")
    assert kept.stat().st_size > 1000
    shutil.rmtree(killed / "work")


@pytest.mark.long
def test_of_two_processes_one_trains_and_the_other_waits(projects):
    _, killed = projects
    shutil.rmtree(killed / "results", ignore_errors=True)
    both = [subprocess.Popen(**command(TRAIN, "npg", killed)) for _ in range(2)]
    said = "".join(process.communicate()[1] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert said.count("finished in") == 1
    assert said.count("already there") == 1
