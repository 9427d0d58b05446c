"""Machines that share no checkout: the commands of docs/scaling.md, by which each trains its part of a study."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from copied import copy_project, run_snakemake, snakemake
from missing import need

from study.cells import FILES
from study.integrity import sealed
from study.plan import ROOT

pytestmark = pytest.mark.workflow

PAGE = (ROOT / "docs/scaling.md").read_text(encoding="utf-8")
#: The lines of the page: the part, take, train, give.
PART, TAKE, TRAIN, GIVE = re.search(r"## Machines that share nothing\n.*?```sh\n(.*?)```", PAGE, re.S)[1].splitlines()
STUDIES = """
tiny:
  tasks: [InvertedPendulum]
  seeds: 2
  steps: 600
  methods:
    npg: {batch: 256}
"""


def call(project, share, machine, *commands):
    """Run commands of the page as one of two machines; the output."""
    text = "\n".join(commands).replace("figure3", "tiny").replace("/mnt/share", str(share))
    text = text.replace("[3::5]", f"[{machine}::2]").replace("--cores 8", "--cores 2")
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-ec", text], cwd=project, env=os.environ | path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def trained(out):
    return sorted(re.findall(r"train npg on InvertedPendulum, seed (\d)", out))


def digests(folder):
    """Of the files of runs."""
    files = [file for file in folder.glob("*/*/*/seed*/*") if file.name in FILES]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def machines(once, tmp_path_factory):
    """A folder of two projects that have each trained their part, and of what they share."""
    need("rsync")

    def make(folder):
        project = copy_project(tmp_path_factory.mktemp("bare") / "project")
        (project / "studies.yaml").write_text(STUDIES)
        (project / "results/runs").mkdir(parents=True)  # as in a clone
        (folder / "share").mkdir(parents=True)
        for machine, seed in ((0, "0"), (1, "1")):
            place = shutil.copytree(project, folder / f"machine{machine}")
            assert trained(call(place, folder / "share", machine, PART, TAKE, TRAIN, GIVE)) == [seed]
        assert len(digests(folder / "share")) == 2 * len(FILES)

    return once("machines", make)


@pytest.fixture
def shared(machines, tmp_path):
    """A copy of the first machine, and of the share."""
    folder = shutil.copytree(machines, tmp_path / "machines")
    return folder / "machine0", folder / "share"


def test_one_machine_takes_all_and_draws(shared):
    project, share = shared
    (path,) = share.glob("*/*/*/seed1/run.json")
    record = json.loads(path.read_text())
    path.write_text(json.dumps(sealed(record | {"cpu": {"model": "another", "flags": "0" * 12}})))
    call(project, share, 0, TAKE)
    assert digests(project / "results/runs") == digests(share), "byte for byte"
    assert trained(snakemake(project, "tiny", "--until", "tables")) == []
    assert list(pd.read_csv(project / "results/tiny/tables/scores.csv")["seed"]) == [0, 1]
    mixed = (project / "results/tiny/tables/mixed.txt").read_text()
    assert re.search(r"model another flags 0{12} \(1 run\)", mixed), "and the tables say that machines differ"


def test_a_run_whose_copying_was_interrupted_is_completed_or_trained_again(shared):
    project, share = shared
    whole = digests(share)
    (missing,) = share.glob("*/*/*/seed1/updates.parquet")
    content = missing.read_bytes()
    missing.unlink()
    call(project, share, 0, TAKE)
    assert trained(snakemake(project, "-n", "tiny")) == ["1"]
    missing.write_bytes(content)
    call(project, share, 0, TAKE)
    assert trained(snakemake(project, "-n", "tiny")) == []
    assert digests(project / "results/runs") == whole


def test_a_run_of_two_machines_files_is_damaged_and_trained_again(shared):
    project, share = shared
    (episodes,) = share.glob("*/*/*/seed1/episodes.parquet")
    shutil.copy(next(share.glob("*/*/*/seed0/episodes.parquet")), episodes)
    call(project, share, 0, TAKE)
    done = run_snakemake(project, "-n", "tiny")
    assert "seed1: episodes.parquet is damaged: would be moved to work/damaged/" in done.stderr
    assert trained(done.stdout + done.stderr) == ["1"]


def test_what_is_there_is_never_written_over(shared):
    project, share = shared
    (path,) = share.glob("*/*/*/seed0/run.json")
    path.write_text("another")
    before = digests(project / "results/runs")
    call(project, share, 0, TAKE, GIVE)
    assert before.items() <= digests(project / "results/runs").items()
    assert path.read_text() == "another"


def test_the_part_of_a_pod_is_that_of_a_machine():
    """The manifest for Kubernetes has the same command."""
    (pod,) = re.findall(r"^ +(part=.*)$", PAGE, re.M)
    assert pod.replace("[$JOB_COMPLETION_INDEX::50]", "[3::5]") == PART.partition("  #")[0].rstrip()
