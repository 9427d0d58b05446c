"""Machines that share no checkout share a store: what one has trained another takes, and trains the rest."""

import hashlib
import json
import re
import shutil

import pandas as pd
import pytest
from copied import copy_project, edit, run_snakemake, snakemake
from missing import need

from study.integrity import sealed
from study.plan import FILES

pytestmark = pytest.mark.workflow

STUDIES = """
tiny:
  tasks: [InvertedPendulum]
  seeds: [0]
  steps: 600
  methods:
    npg: {batch: 256}
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    project = copy_project(tmp_path_factory.mktemp("bare") / "project")
    (project / "studies.yaml").write_text(STUDIES)
    return project


@pytest.fixture(scope="module")
def store(bare, once, tmp_path_factory):
    """A store with the run of the study, from a machine of another kind."""
    need("rsync")

    def make(store):
        project = shutil.copytree(bare, tmp_path_factory.mktemp("first") / "project")
        snakemake(project, "tiny", "--until", "train")
        (path,) = project.glob("results/runs/*/*/*/seed0/run.json")
        record = json.loads(path.read_text())
        path.write_text(json.dumps(sealed(record | {"cpu": {"model": "another", "flags": "0" * 12}})))
        snakemake(project, "--config", f"store={store}", "--", "tiny_kept")
        assert digests(store) == digests(project)
        assert "Nothing to be done" in snakemake(project, "--config", f"store={store}", "--", "tiny_kept")

    return once("store", make)


@pytest.fixture
def second(bare, tmp_path):
    """A project without runs, whose study has one seed more."""
    project = shutil.copytree(bare, tmp_path / "project")
    edit(project / "studies.yaml", "seeds: [0]", "seeds: [0, 1]")
    return project


def digests(root):
    """Of the files of runs, by their path from the root of a project, or of a store."""
    files = [file for file in root.glob("results/runs/*/*/*/seed*/*") if file.name in FILES]
    return {str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def moved(out):
    return sorted(re.findall(r"(take|keep|train) npg on InvertedPendulum, seed (\d)", out))


@pytest.mark.slow
def test_another_machine_takes_what_is_there_and_trains_the_rest(store, second):
    with_store = ("--config", f"store={store}", "--")
    assert moved(snakemake(second, *with_store, "tiny_taken")) == [("take", "0")]
    assert digests(second) == digests(store), "byte for byte"
    assert moved(snakemake(second, "tiny")) == [("train", "1")]
    assert digests(store).items() < digests(second).items()
    assert list(pd.read_csv(second / "results/tiny/tables/scores.csv")["seed"]) == [0, 1]
    mixed = (second / "results/tiny/tables/mixed.txt").read_text()
    assert re.search(r"cpu model another flags 0{12} \(1 run\)", mixed), "and the tables say that machines differ"
    assert "Nothing to be done" in snakemake(second, "tiny")
    assert moved(snakemake(second, *with_store, "tiny_taken")) == []


@pytest.mark.slow
def test_two_machines_meet_in_a_store(store, second, tmp_path):
    both = shutil.copytree(store, tmp_path / "both")
    with_store = ("--config", f"store={both}", "--")
    snakemake(second, *with_store, "tiny_taken")
    assert moved(snakemake(second, *with_store, "tiny_kept")) == [("keep", "1"), ("train", "1")]
    assert digests(both) == digests(second)
    assert digests(store).items() < digests(both).items()


@pytest.mark.slow
@pytest.mark.needs("rsync")
def test_each_machine_trains_its_share(second, tmp_path):
    """As the pods of a Kubernetes job do, which are numbered."""
    for machine in ("1/2", "2/2"):
        with_store = ("--config", f"store={tmp_path / 'store'}", "--batch", f"tiny_kept={machine}", "--", "tiny_kept")
        seed = str(int(machine[0]) - 1)
        project = shutil.copytree(second, tmp_path / f"machine{seed}")
        assert moved(snakemake(project, *with_store)) == [("keep", seed), ("train", seed)]
    assert len(digests(tmp_path / "store")) == 2 * len(FILES)


@pytest.mark.needs("git")
def test_without_rsync_one_line_says_so(second, tmp_path):
    (tmp_path / "bin").mkdir()
    for program in ("bash", "git", "which"):
        (tmp_path / "bin" / program).symlink_to(shutil.which(program))
    done = run_snakemake(second, "--config", "store=somewhere", "--", "tiny_kept", PATH=str(tmp_path / "bin"))
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("error: no rsync here")
    assert "Traceback" not in done.stderr
