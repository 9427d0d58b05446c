"""Finished runs on a disk that is full, or read-only, or does not give back what was written."""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys

import pytest
from copied import copy_project, edit, git

from study.cells import FILES
from study.integrity import damage
from train.files import git_commit, update_rows

STUDY = "tiny:\n  tasks: [InvertedPendulum]\n  seeds: 1\n  steps: 1200\n  methods: {npg: {batch: 256}}\n"
TRAIN = [sys.executable, "-m", "train", "--study=tiny", "--task=InvertedPendulum", "--method=npg", "--seed=0"]
#: Mounts of the test's own, gone with its process: as root, or as root of a user namespace.
UNSHARE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    project = copy_project(tmp_path_factory.mktemp("bare") / "project")
    (project / "studies.yaml").write_text(STUDY)
    return project


@pytest.fixture(scope="module")
def trained(bare, tmp_path_factory):
    project = shutil.copytree(bare, tmp_path_factory.mktemp("trained") / "project")
    assert run(TRAIN, project).returncode == 0
    return project


@pytest.fixture
def project(bare, tmp_path):
    return shutil.copytree(bare, tmp_path / "project")


def test_updates_less_than_200_steps_apart_share_a_row():
    near = [{"iteration": i, "step": 80 * (i + 1), "kl": float(i), "accepted": i > 0} for i in range(6)]
    rows = update_rows(near)
    assert [(row["iteration"], row["step"], row["kl"]) for row in rows] == [(1, 160, 0.5), (4, 400, 3.0), (5, 480, 5.0)]
    assert [row["accepted"] for row in rows] == [0.5, 1.0, True]
    assert update_rows(near[:4])[0] == rows[0], "of a shorter run the rows that are whole are the same"
    apart = [{"iteration": i, "step": 200 * (i + 1), "kl": float(i)} for i in range(6)]
    assert update_rows(apart) == apart


def test_the_commit_is_dirty_where_a_source_differs_but_not_where_a_run_does(tmp_path, monkeypatch):
    monkeypatch.setattr("train.files.ROOT", tmp_path)
    assert git_commit() is None, "outside a repository"
    source, *results = tmp_path / "core.py", tmp_path / "results" / "run.json", tmp_path / "results" / "updates.parquet"
    results[0].parent.mkdir()
    for path in (source, *results):
        path.write_text("1")
    for command in (["init"], ["add", "."], ["commit", "-m", "one"]):
        git(tmp_path, *command)
    clean = git_commit()
    assert len(clean) == 40
    results[0].write_text("2")
    results[1].unlink()
    (tmp_path / "untracked").touch()
    assert git_commit() == clean
    source.write_text("2")
    assert git_commit() == f"{clean}-dirty"


def committed(folder):
    """A repository with one commit; its name."""
    folder.mkdir()
    (folder / "file").write_text(folder.name)
    for command in (["init"], ["add", "."], ["commit", "-m", "one"]):
        git(folder, *command)
    (head,) = (folder / ".git" / "refs" / "heads").iterdir()
    return head.read_text().strip()


def test_the_commit_is_this_checkouts_whatever_the_environment_and_the_folder_above_say(tmp_path, monkeypatch):
    ours, other = committed(tmp_path / "ours"), committed(tmp_path / "other")
    monkeypatch.setattr("train.files.ROOT", tmp_path / "ours")
    for name, place in {"GIT_DIR": ".git", "GIT_WORK_TREE": "", "GIT_INDEX_FILE": ".git/index"}.items():
        monkeypatch.setenv(name, str(tmp_path / "other" / place))
        assert git_commit() == ours != other
    (tmp_path / "ours" / "unpacked").mkdir()
    monkeypatch.setattr("train.files.ROOT", tmp_path / "ours" / "unpacked")
    assert git_commit() is None, "sources without history, in somebody's repository"


def test_where_git_refuses_the_checkout_the_log_says_so_once(tmp_path, monkeypatch, capsys):
    ours, real = committed(tmp_path / "it's ours"), shutil.which("git")
    monkeypatch.setattr("train.files.ROOT", tmp_path / "it's ours")
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    sees = "GIT_TEST_ASSUME_DIFFERENT_OWNER=1 GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1"  # as another user
    wrapper.write_text(f'#!/bin/sh\n{sees} exec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")
    assert git_commit() is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: git refuses this checkout of another user: run.json names no commit")
    monkeypatch.undo()
    monkeypatch.setattr("train.files.ROOT", tmp_path / "it's ours")
    assert (git_commit(), capsys.readouterr().err) == (ours, "")


def run(command, project, **how):
    return subprocess.run(command, cwd=project, capture_output=True, text=True, **how)


def folder(project):
    (found,) = project.glob("results/runs/npg/InvertedPendulum/*/seed0")
    return found


def contents(project):
    """What the run wrote, but for run.json, which has the time."""
    return {name: (folder(project) / name).read_bytes() for name in FILES[:3]}


def mounted(project, *lines):
    """Run these lines of shell where mounts are the test's own; skip, and say so, where none are allowed."""
    if run([*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", str(project / "docs")], project).returncode:
        pytest.skip("this machine allows no mounts, not even in a namespace")
    script = "\n".join(["set -u", f"train() {{ {' '.join(TRAIN)}; echo status $?; }}", *lines])
    done = run([*UNSHARE, "sh", "-c", script], project)
    assert done.returncode == 0, done.stderr[-2000:]
    return done


@pytest.mark.long
def test_a_full_disk_is_said_and_when_there_is_room_the_run_is_written(project, trained):
    done = mounted(
        project,
        "mkdir -p results work kept",
        "mount -t tmpfs -o size=24k tmpfs results",  # enough for the folders and the first file
        "train",
        "find results -type f",
        "mount -o remount,size=10m results",
        "train",
        "cp -r results/runs kept",
    )
    assert done.stdout.split("\n")[0] == "status 2"
    assert "status 0" in done.stdout
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(said) == 1
    assert "cannot be written: No space left on device; when it can be, start it again" in said[0]
    assert "Traceback" not in done.stderr
    assert "run.json" not in done.stdout, "what is not whole is not called finished"
    assert ".tmp" not in done.stdout
    (project / "results").rmdir()
    (project / "kept").rename(project / "results")
    assert contents(project) == contents(trained)


@pytest.mark.parametrize("place", ["results", "work"])
def test_a_folder_that_is_read_only_is_said_before_training(project, place):
    done = mounted(project, f"mkdir -p {place}", f"mount -t tmpfs -o ro tmpfs {place}", "train")
    assert done.stdout == "status 2\n"
    assert done.stderr.startswith(f"error: {place}/")
    assert done.stderr.endswith("cannot be written: Read-only file system\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("place", ["results", "work"])
def test_a_file_in_a_folders_place_is_said_before_training(project, place):
    (project / place).write_text("")
    done = run(TRAIN, project)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "cannot be written: Not a directory" in done.stderr


@pytest.mark.long
def test_a_file_that_may_not_grow_is_said(project):
    """As a full disk, where mounts are not allowed."""
    done = run(TRAIN, project, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)))
    assert done.returncode == 2
    assert "cannot be written: File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(project.glob("results/**/*.tmp"))
    assert not list(project.glob("results/**/run.json"))


def harm(path, how):
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(
        {
            "empty": b"",
            "truncated": content[:middle],
            "one bit": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "zeros": bytes(len(content)),
            "not UTF-8": b"\xff\xfe" + content,
            "a list": b"[1, 2]",
            "deep": b"[" * 100_000,
        }[how]
    )


HARMS = [(name, how) for name in FILES for how in ("empty", "truncated", "one bit", "zeros")]
HARMS += [("run.json", how) for how in ("not UTF-8", "a list", "deep")]


@pytest.mark.parametrize(("name", "how"), HARMS)
def test_a_damaged_file_is_found_out(trained, tmp_path, name, how):
    copy = shutil.copytree(folder(trained), tmp_path / "run")
    assert damage(copy) is None
    harm(copy / name, how)
    assert damage(copy) == f"{name} is damaged"


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_or_cannot_be_read_is_found_out(trained, tmp_path, name):
    copy = shutil.copytree(folder(trained), tmp_path / "run")
    (copy / name).unlink()
    assert damage(copy) == f"{name} cannot be read (No such file or directory)"
    (copy / name).mkdir()
    assert damage(copy) == f"{name} cannot be read (Is a directory)"


def test_the_runs_of_before_the_digests_are_whole_too(trained, tmp_path):
    copy = shutil.copytree(folder(trained), tmp_path / "run")
    record = json.loads((copy / "run.json").read_text())
    del record["digest"], record["digests"]["policy.safetensors"]
    (copy / "run.json").write_text(json.dumps(record))
    assert damage(copy) is None


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_run_is_trained_again_to_the_same_bytes(trained, tmp_path, name):
    project = shutil.copytree(trained, tmp_path / "project")
    before = contents(project)
    harm(folder(project) / name, "truncated")
    done = run(TRAIN, project)
    assert done.returncode == 0
    assert f"{name} is damaged: training it again" in done.stderr
    assert contents(project) == before
    assert "already there" in run(TRAIN, project).stderr


def test_what_is_written_says_what_its_bytes_depend_on(trained):
    record = json.loads((folder(trained) / "run.json").read_text())
    lock = hashlib.sha256((trained / "requirements.lock").read_bytes()).hexdigest()
    assert record["lock"] == lock[:12]
    assert record["threads"] == 1
    assert record["libc"].startswith("glibc") or sys.platform != "linux"
    assert set(record["kernels"]) == {"torch", "numpy"}
    assert record["digests"].keys() == set(FILES) - {"run.json"}
    assert record["overrides"] == {}


@pytest.mark.long
def test_a_variable_that_chooses_other_kernels_is_recorded(project):
    assert run(TRAIN, project, env=os.environ | {"ATEN_CPU_CAPABILITY": "default"}).returncode == 0
    record = json.loads((folder(project) / "run.json").read_text())
    assert record["overrides"] == {"ATEN_CPU_CAPABILITY": "default"}
    assert record["kernels"]["torch"].lower() in ("default", "no avx")


@pytest.mark.long
def test_a_damaged_checkpoint_of_a_killed_process_is_found_out(project, trained):
    edit(project / "train/keeper.py", "EVERY = 30.0", "EVERY = 0.0")
    edit(project / "train/keeper.py", "SHARE = 0.01", "SHARE = 1.0")
    crash = "import train.files, train.__main__; train.files.write_run = None; train.__main__.main()"
    path = project / "work" / folder(trained).relative_to(trained) / "checkpoint"
    assert "'NoneType' object is not callable" in run([sys.executable, "-c", crash, *TRAIN[3:]], project).stderr
    harm(path, "one bit")
    done = run(TRAIN, project)
    assert done.returncode == 0
    assert "the checkpoint is not used, for it is damaged: the run starts from the beginning" in done.stderr
    assert contents(project) == contents(trained)
