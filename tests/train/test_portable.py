"""Portable kernels: the same bytes on other processors, one of which is emulated; and what is said of them."""

import json
import os
import platform
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pytest
from kept_runs import amend, tool
from small_runs import SMALL

from analysis.data.mixed import mixed
from study.options import algorithms
from study.plan import ROOT, load_studies, load_study
from study.record import PORTABLE, environment, portable
from train import libraries
from train.kernels import can_be_portable

pytestmark = pytest.mark.long

#: Every algorithm in small batches, uncompiled, and as NAME_compiled compiled.
METHODS = {
    f"{algo}{name}": {"algo": algo, **SMALL.get(algo, {"batch": 256}), "compile_from": start}
    for algo in algorithms()
    for name, start in (("", 10**6), ("_compiled", 1))
}
TINY = {"tasks": ["InvertedPendulum"], "seeds": 1, "steps": 800, "options": {"envs": 4}}
STUDIES = {
    "tiny": TINY | {"portable": True, "methods": METHODS},
    "native": TINY | {"methods": {"pg": {"batch": 256}}},
}
#: One of Intel's without AVX-512, whatever this one is: qemu has its instructions computed.
INTEL = ["qemu-x86_64", "-cpu", "Haswell"]

needs_x86 = pytest.mark.skipif(not can_be_portable(), reason="portable kernels are those of x86-64 with AVX2")


def go(project, study, method, *before):
    command = [*before, sys.executable, "-m", "train", "--study", study, "--task", "InvertedPendulum"]
    done = subprocess.run([*command, "--method", method, "--seed", "0"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    folder = project / load_study(study, project).cell("InvertedPendulum", method).folder(0)
    return folder, json.loads((folder / "run.json").read_text())


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = tmp_path_factory.mktemp("portable")
    for part in ("algos", "analysis", "core", "play", "schemas", "study", "tools", "train"):
        shutil.copytree(ROOT / part, project / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "envs.yaml", project)
    (project / "studies.yaml").write_text(json.dumps(STUDIES))
    return project


@needs_x86
@pytest.mark.needs(INTEL[0])
@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_an_intel_processor_gives_the_same_bytes_as_this_one(project, method):
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("qemu-x86_64 runs on Linux")
    folder, here = go(project, "tiny", method)
    assert here["compiled"] == (method.endswith("_compiled") and not method.startswith("cem")), "CEM has no updates"
    shutil.rmtree(folder)
    _, there = go(project, "tiny", method, *INTEL)
    assert there["digests"] == here["digests"]


@needs_x86
def test_the_kernels_are_recorded_and_only_of_a_study_that_asks(project):
    _, record = go(project, "tiny", "npg")
    assert record["overrides"] == PORTABLE
    assert record["kernels"] == {"torch": "AVX2", "numpy": "Haswell"}
    assert portable(record)
    _, other = go(project, "native", "pg")
    assert other["overrides"] == {}
    assert not portable(other)


ROOTS = """
import numpy as np
from train.libraries import load_libraries
load_libraries(portable=True)
import torch
for x in (torch.rand(1000), torch.rand(64, 48).t(), torch.tensor(2.0), torch.rand(99).double(), torch.zeros(3)):
    right = np.sqrt(x.numpy())
    assert (x.sqrt().numpy() == right).all() and x.sqrt().stride() == x.stride()
    y = x.clone()
    assert y.sqrt_() is y and (y.numpy() == right).all()
x = torch.tensor([4.0, 9.0], requires_grad=True)
x.sqrt().sum().backward()
assert (x.grad - torch.tensor([1 / 4, 1 / 6])).abs().max() < 1e-7
"""


@needs_x86
def test_square_roots_are_those_of_ieee():
    done = subprocess.run([sys.executable, "-c", ROOTS], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


EVALUATE = """
import json, os, sys
from play import evaluate
from study.record import OVERRIDES
assert not {"numpy", "torch"} & set(sys.modules), "they choose their kernels as they load"
status = evaluate.main(sys.argv[1:])
print(json.dumps([status, {name: os.environ[name] for name in OVERRIDES if name in os.environ}]))
"""


@needs_x86
@pytest.mark.parametrize(("study", "method", "kernels"), [("tiny", "npg", PORTABLE), ("native", "pg", {})])
def test_final_policies_play_with_the_kernels_of_their_runs(project, study, method, kernels, tmp_path):
    go(project, study, method)
    cell = ("--study", study, "--task", "InvertedPendulum", "--method", method)
    command = [sys.executable, "-c", EVALUATE, *cell, "--out", str(tmp_path / "episodes.csv")]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, kernels]


@needs_x86
def test_the_audit_compares_bytes_whatever_processor_a_portable_run_is_of(project):
    for study, method in (("tiny", "npg"), ("native", "pg")):
        folder, _ = go(project, study, method)
        rows = pd.read_parquet(folder / "updates.parquet")
        rows.loc[0, "entropy"] *= 1 + 1e-12
        rows.to_parquet(folder / "updates.parquet")
        amend(folder, cpu={"model": "another", "flags": ""})
    code, said = tool(project, "audit", "--share", "1", "--part", "1")
    assert code == 1, said
    of = {line.split("/")[2]: line for line in said.splitlines() if "seed0" in line}
    assert "other bytes within" in of["npg"], "its processor explains nothing"
    assert "by another machine" in of["pg"]


def test_a_run_is_made_again_with_its_own_variables_and_no_others(monkeypatch):
    monkeypatch.setenv("MKL_CBWR", "AUTO")
    monkeypatch.setenv("HOME", "mine")
    assert environment({"overrides": PORTABLE}).items() >= (PORTABLE | {"HOME": "mine"}).items()
    assert "MKL_CBWR" not in environment({"overrides": {}})
    assert os.environ["MKL_CBWR"] == "AUTO"


def test_a_processor_that_cannot_is_said(monkeypatch, capsys):
    monkeypatch.setattr(libraries, "can_be_portable", lambda: False)
    assert libraries.takes_portable(SimpleNamespace(portable=True)) is False
    assert "needs an x86-64 processor with AVX2" in capsys.readouterr().err
    assert libraries.takes_portable(SimpleNamespace(portable=False)) is False
    assert not capsys.readouterr().err
    monkeypatch.setattr(libraries, "can_be_portable", lambda: True)
    assert libraries.takes_portable(SimpleNamespace(portable=True)) is True


@pytest.mark.parametrize("machine", ["aarch64", "arm64"])
def test_another_architecture_cannot(monkeypatch, machine):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert not can_be_portable()


def test_portable_runs_of_several_processors_are_not_mixed():
    one = {"algo": "npg", "cpu": {"model": "A", "flags": "1"}, "kernels": {"torch": "AVX2"}, "overrides": PORTABLE}
    other = one | {"cpu": {"model": "B", "flags": "2"}}
    native = one | {"overrides": {}}
    assert mixed([one, other]) == ""
    assert mixed([native, other, one]) == "overrides of portable kernels (2 runs), none (1 run)"
    assert mixed([native, native | {"cpu": other["cpu"]}]) != ""


def test_the_shipped_studies_that_are_compared_with_papers_are_portable():
    asks = {name: {cell.portable for cell in study.cells} for name, study in load_studies().items()}
    assert asks == {name: {name in ("figure3", "table1", "trpo_forms")} for name in asks}
