"""The workflow, by running Snakemake on a small study in a copy of the project."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from copied import STUDIES, copy_project, edit, git, run_snakemake, snakemake
from extend import blocks, files
from missing import need

from study.cells import FILES

pytestmark = pytest.mark.workflow


def planned(project: Path, study: str = "tiny") -> tuple[list[str], bool]:
    """What a dry run would train, and whether it would draw anything anew."""
    out = snakemake(project, "-n", study)
    return sorted(re.findall(r"train (\w+) on", out)), "figure curves of" in out


@pytest.fixture(scope="session")
def bare_clone(finished, once):
    """A clone of the finished project with its committed runs, nothing run in it yet."""
    need("git")

    def make(project):
        origin = shutil.copytree(finished, project.with_suffix(".origin"), dirs_exist_ok=True)
        git(origin, "init", "-q")
        git(origin, "add", "-A")
        git(origin, "commit", "-qm", "runs")
        git(project.parent, "clone", "-q", origin, project)
        assert not (project / "results/tiny").exists(), "tables and figures are not committed"

    return once("cloned", make)


@pytest.fixture
def cloned(bare_clone, tmp_path):
    return shutil.copytree(bare_clone, tmp_path / "project")


@pytest.fixture(scope="session")
def drawn(bare_clone, once):
    """Such a clone after its figures were drawn."""

    def make(project):
        shutil.copytree(bare_clone, project)
        snakemake(project, "tiny")

    return once("drawn", make)


@pytest.fixture(params=["finished", pytest.param("drawn", marks=pytest.mark.slow)], ids=["old checkout", "fresh clone"])
def checkout(request, tmp_path):
    """A copy to edit: of the project as its owner has it, and as one who cloned it has it."""
    return shutil.copytree(request.getfixturevalue(request.param), tmp_path / "project")


def test_the_study_makes_every_file_it_promises(finished):
    runs = sorted(finished.glob("results/runs/*/*/*/seed*"))
    assert [run.relative_to(finished).parts[2] for run in runs] == ["npg", "ppo_clip", "trpo"]
    assert all({path.name for path in run.iterdir()} == set(FILES) for run in runs)
    for run in runs:
        record = json.loads((run / "run.json").read_text())
        assert (record["status"], record["threads"], record["key"]) == ("finished", 1, run.parent.name)
        assert record["peak_memory_mb"] < 500
        for name, digest in record["digests"].items():
            assert hashlib.sha256((run / name).read_bytes()).hexdigest() == digest
    scores = pd.read_csv(finished / "results/tiny/tables/scores.csv")
    assert list(scores.columns) == ["task", "method", "seed", "score", "status"]
    assert list(scores["method"]) == ["npg", "trpo", "ppo_clip"]
    assert set(scores["status"]) == {"finished"}
    curves = pd.read_parquet(finished / "results/tiny/tables/curves.parquet")
    assert list(curves.columns) == ["study", "task", "method", "seed", "step", "return"]
    for name in ("curves.png", "curves.svg"):
        assert (finished / "results/tiny/figures" / name).stat().st_size > 10_000


def test_a_clone_with_committed_runs_trains_nothing(cloned):
    assert planned(cloned) == ([], True)


def test_in_a_clone_an_edit_to_an_algorithm_trains_that_algorithm(cloned):
    edit(cloned / "algos/trpo.py", "shrink: Share = 0.5", "shrink: Share = 0.7")
    assert planned(cloned) == (["trpo"], True)


def test_a_second_time_nothing_runs(checkout):
    assert planned(checkout) == ([], False)


def test_a_comment_or_docstring_re_runs_nothing(checkout):
    for path in ("algos/trpo.py", "core/rollout.py"):
        with (checkout / path).open("a") as file:
            file.write("\n# a remark\n")
    edit(checkout / "algos/trpo.py", "Trust region policy", "The trust region policy")
    assert planned(checkout) == ([], False)


def test_an_edit_to_an_algorithm_re_runs_that_algorithm(checkout):
    edit(checkout / "algos/trpo.py", "shrink: Share = 0.5", "shrink: Share = 0.7")
    assert planned(checkout) == (["trpo"], True)
    edit(checkout / "algos/trpo.py", "shrink: Share = 0.7", "shrink: Share = 0.5")
    assert planned(checkout)[0] == [], "what was there before is valid again"
    edit(checkout / "algos/trpo.py", "theta.copy_(theta)", "theta.copy_(theta + 0)")
    assert planned(checkout) == (["trpo"], True)


@pytest.mark.slow
def test_undoing_an_edit_draws_the_first_runs_again(finished, tmp_path):
    project = shutil.copytree(finished, tmp_path / "project")
    before = (project / "results/tiny/tables/scores.csv").read_text()
    edit(project / "algos/trpo.py", "lam: Share = 0.98", "lam: Share = 0.5")
    snakemake(project, "tiny")
    assert (project / "results/tiny/tables/scores.csv").read_text() != before
    edit(project / "algos/trpo.py", "lam: Share = 0.5", "lam: Share = 0.98")
    shutil.rmtree(project / ".snakemake")  # not by Snakemake's records, which a clone has not
    assert planned(project) == ([], True)
    snakemake(project, "tiny")
    assert (project / "results/tiny/tables/scores.csv").read_text() == before


def test_an_edit_to_what_decides_no_number_trains_nothing(finished, tmp_path):
    project = shutil.copytree(finished, tmp_path / "project")
    for module in ("train/job", "train/progress", "study/plan", "study/workflow", "play/random_score", "play/evaluate"):
        with (project / f"{module}.py").open("a") as file:
            file.write("\nSPARE = 1\n")
    assert planned(project)[0] == []


def test_an_edit_to_the_core_re_runs_everything(checkout):
    edit(checkout / "core/normalise.py", "1e-2", "1e-3")
    assert planned(checkout)[0] == ["npg", "ppo_clip", "trpo"]


def test_an_edit_to_the_analysis_trains_nothing_and_draws_anew(checkout):
    edit(checkout / "analysis/figures/curves.py", "COLUMNS = 4", "COLUMNS = 3")
    assert planned(checkout) == ([], True)


def test_edits_to_the_study_train_what_they_add(checkout):
    edit(
        checkout / "studies.yaml", "    ppo_clip: {batch: 256}\n", "    ppo_clip: {batch: 256}\n    pg: {batch: 256}\n"
    )
    assert planned(checkout) == (["pg"], True)
    edit(checkout / "studies.yaml", "npg: {batch: 256}", "npg: {batch: 256, max_kl: 0.02}")
    assert planned(checkout)[0] == ["npg", "pg"]
    edit(checkout / "studies.yaml", "seeds: 1", "seeds: 2")
    assert planned(checkout)[0] == ["npg", "npg", "pg", "pg", "ppo_clip", "trpo"]
    edit(checkout / "studies.yaml", "[InvertedPendulum]", "[InvertedPendulum, Reacher]")
    assert planned(checkout)[0] == sorted(["npg", "pg"] * 4 + ["ppo_clip", "trpo"] * 3)


def test_deleting_a_run_trains_it_alone_again(checkout):
    shutil.rmtree(next(checkout.glob("results/runs/npg/*/*/seed0")))
    assert planned(checkout)[0] == ["npg"]


def test_two_studies_share_the_runs_they_both_name(checkout):
    text = (checkout / "studies.yaml").read_text()
    (checkout / "studies.yaml").write_text(
        text
        + text.replace("tiny:", "other:").replace(
            "npg:", "n: {algo: npg, batch: 256}\n    npg2: {algo: npg, max_kl: 0.05, batch: 256}\n    #"
        )
    )
    assert planned(checkout, "other") == (["npg"], True)


def test_a_mistake_in_a_study_stops_the_workflow_with_one_line(tmp_path):
    project = copy_project(tmp_path / "project")
    (project / "studies.yaml").write_text(STUDIES.replace("trpo:", "trop:"))
    done = run_snakemake(project, "-n", "tiny")
    assert done.returncode != 0
    *banner, said = done.stderr.splitlines()
    assert said == (
        "error: studies.yaml: tiny.methods.trop: algorithm 'trop' is unknown; did you mean 'trpo'? (a file in algos/)"
    )
    assert all(line.startswith("Using workflow specific profile") for line in banner)


def train(project: Path, *arguments: str) -> subprocess.CompletedProcess:
    cell = ["--study", "tiny", "--task", "InvertedPendulum", "--method", "trpo", "--seed", "0"]
    command = [sys.executable, "-m", "train", *cell, *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True)


def test_sources_that_change_after_the_plan_are_refused(finished, tmp_path):
    project = shutil.copytree(finished, tmp_path / "project")
    key = next(project.glob("results/runs/trpo/*/*")).name
    assert train(project, "--key", key).stderr.startswith("already there: results/runs/trpo/")
    edit(project / "algos/trpo.py", "shrink: Share = 0.5", "shrink: Share = 0.7")
    done = train(project, "--key", key)
    assert done.returncode == 2
    assert re.fullmatch(rf"error: trpo on InvertedPendulum: .* changed since .* \(key {key}, now .*\n", done.stderr)


def test_one_run_alone_is_the_workflows_run(finished, tmp_path):
    project = shutil.copytree(finished, tmp_path / "project")
    folder = next(project.glob("results/runs/trpo/*/*/seed0"))
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.json"}
    shutil.rmtree(folder)
    done = train(project)
    assert done.returncode == 0
    assert re.search(r"600 / 600 steps  return +\d+\.\d  +[\d,]+ steps/s  left 0:00\n", done.stderr)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.json"} == before


def test_a_try_writes_beside_the_studys_run(finished, tmp_path):
    project = shutil.copytree(finished, tmp_path / "project")
    assert train(project, "--steps", "5e2", "--set", "max_kl=0.02").returncode == 0
    tried = [json.loads(path.read_text()) for path in project.glob("results/runs/trpo/*/*/seed0/run.json")]
    assert sorted((run["steps"], run["options"]["max_kl"]) for run in tried) == [(500, 0.02), (600, 0.01)]
    assert len({run["key"] for run in tried}) == 2
    done = train(project, "--set", "max_lk=0.02")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--set: option 'max_lk' is unknown; did you mean 'max_kl'?" in done.stderr


def test_the_page_on_adding_a_method_works_to_the_letter(finished, tmp_path):
    project = shutil.copytree(finished, tmp_path / "project")
    ((path, code),) = files("A method").items()
    (line,), (command, _) = blocks("A method", "yaml"), blocks("A method", "sh")
    text = STUDIES.replace("tiny:", "quick:").replace("steps: 600", "steps: 600\n  options: {batch: 256}")
    (project / "studies.yaml").write_text(text)  # the same runs

    (project / path).write_text(code)
    edit(project / "studies.yaml", "    ppo_clip:", line + "    ppo_clip:")
    out = snakemake(project, *command.split()[3:])
    assert command.startswith("snakemake --cores 2 ")
    assert re.findall(r"train (\w+) on", out) == ["rwr"]
    assert "rwr" in set(pd.read_csv(project / "results/quick/tables/scores.csv")["method"])
    assert "<!-- reward-weighted -->" in (project / "results/quick/figures/curves.svg").read_text()
    contract = ["-m", "pytest", "tests/algos/test_contract.py", "-k", "rwr"]
    done = subprocess.run([sys.executable, *contract], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "7 passed" in done.stdout
