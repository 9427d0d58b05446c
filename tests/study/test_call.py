"""What the plan reads from Snakemake's command line, and refuses before Snakemake would misunderstand it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from copied import copy_project, edit, run_snakemake, snakemake

from core.errors import UsageError
from study.call import IDLE, Call, check_call, check_targets, read_call
from study.plan import ROOT


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("", Call()),
        ("--cores 16 quick table1", Call(("quick", "table1"))),
        ("-n quick", Call(("quick",), idle=True)),
        ("-np --cores 2 -- quick", Call(("quick",), idle=True)),
        ("--dryrun", Call(idle=True)),
        ("--lint", Call(idle=True)),
        ("quick --dag", Call(("quick",), idle=True)),
        ("quick --report page.html", Call(("quick",), idle=True)),
        ("--unlock", Call(idle=True)),
        ("-R train -- quick", Call(("quick",), forced="-R")),
        ("-R results/runs/a/b/c/seed0/run.json -- quick", Call(("quick",), forced="-R")),
        ("-R tables -- quick", Call(("quick",))),
        ("--list-input-changes", Call(idle=True)),
        ("-F quick", Call(("quick",), forced="-F")),
        ("-f quick", Call(("quick",))),
        ("-f results/runs/a/b/c/seed0/run.json", Call(("results/runs/a/b/c/seed0/run.json",), forced="-f")),
        ("quick --directory /x", Call(("quick",), directory=Path("/x"))),
        ("--config store=/s -- quick_kept", Call(("quick_kept",))),
        ("--no-such-option", Call()),
    ],
)
def test_a_command_line_is_read_as_snakemake_reads_it(line, call, capsys):
    assert read_call(line.split()) == call


def test_every_idle_way_is_one_of_snakemakes():
    from snakemake.cli import get_argument_parser

    assert set(IDLE) <= {action.dest for action in get_argument_parser()._actions}


@pytest.mark.parametrize(
    ("targets", "studies"),
    [
        ((), {"figure3"}),
        (("quick",), {"quick"}),
        (("quick_videos", "table1"), {"quick", "table1"}),
        (("results/quick/index.html",), {"quick"}),
        (("results/runs/npg/Hopper/0123456789ab/seed0/run.json",), {"figure3", "quick", "table1"}),
    ],
)
def test_the_studies_of_a_call(targets, studies):
    assert Call(targets).studies(["figure3", "quick", "table1"], "figure3") == studies


@pytest.mark.parametrize(
    ("call", "config", "said"),
    [
        (Call(directory=Path("/x")), {}, "--directory /x: a study works in its checkout"),
        (
            Call(forced="-F"),
            {},
            "-F: a run is kept by its key, and this would train none again. Delete the run's folder",
        ),
        (Call(), {"seeds": 3}, "--config seeds: 'seeds' is unknown; choose from store"),
    ],
)
def test_what_would_be_misunderstood_is_refused(call, config, said):
    with pytest.raises(UsageError, match=f"^{re.escape(said)}"):
        check_call(call, ROOT, config)


def test_what_is_meant_is_not_refused():
    check_call(Call(("quick",), directory=ROOT / "docs" / ".."), ROOT, {"store": "/s"})
    check_targets(Call(("quick", "results/quick/index.html", "README.md")), ["quick"])
    with pytest.raises(UsageError, match=r"^target 'figur3' is unknown; did you mean 'figure3'\?$"):
        check_targets(Call(("quick", "figur3")), ["quick", "figure3", "train"])


STUDIES = """
tiny:
  tasks: [InvertedPendulum]
  seeds: 1
  steps: 600
  methods: {npg: {batch: 256}}
wrong_method:
  tasks: [InvertedPendulum]
  seeds: 1
  steps: 600
  methods: {nqg: {batch: 256}}
wrong_module:
  tasks: [InvertedPendulum]
  seeds: 1
  steps: 600
  methods: {garbled: {batch: 256}}
wrong_task:
  tasks: [Lost]
  seeds: 1
  steps: 600
  methods: {npg: {batch: 256}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A checkout with one study that is trained and drawn, and two that cannot be planned."""
    project = copy_project(tmp_path_factory.mktemp("call") / "project")
    (project / "studies.yaml").write_text(STUDIES)
    with (project / "envs.yaml").open("a") as file:
        file.write("Lost: {id: Hopper-v99, horizon: 10, random_score: 0}\nNobodys: {idd: Hopper-v4}\n")
    (project / "algos/garbled.py").write_text("def update(:\n")
    snakemake(project, "tiny")
    return project


def contents(project):
    """Everything on disk but Snakemake's own and Python's."""
    own = {".snakemake", "__pycache__"}
    files = [path for path in project.rglob("*") if path.is_file() and not own & set(path.parts)]
    return {path.relative_to(project): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.mark.workflow
def test_a_dry_run_changes_nothing_on_disk_and_plans_what_a_run_would_do(project):
    (run,) = project.glob("results/runs/npg/*/*/seed0")
    (table,) = project.glob("results/runs/npg/*/*/evaluation/*.csv")
    kept = {path: path.read_bytes() for path in (run / "updates.parquet", table)}
    try:
        (run / "updates.parquet").write_bytes(kept[run / "updates.parquet"][:100])
        edit(project / "studies.yaml", "seeds: 1", "seeds: [0, 3]")
        before = contents(project)
        out = snakemake(project, "-n", "tiny")
        assert contents(project) == before
        assert sorted(re.findall(r"train npg on InvertedPendulum, seed (\d)", out)) == ["0", "3"]
        folder = run.relative_to(project).as_posix()
        assert f"{folder}: updates.parquet is damaged: would be moved to work/damaged/" in out
        edit(project / "studies.yaml", "seeds: [0, 3]", "seeds: 1")
        (run / "updates.parquet").write_bytes(kept[run / "updates.parquet"])
        table.write_text(kept[table].decode().replace(",", ";", 9))
        before = contents(project)
        out = snakemake(project, "-n", "tiny")
        assert contents(project) == before and "evaluate npg" in out and "train npg" not in out
        assert "provenance" not in out
    finally:
        for path, content in kept.items():
            path.write_bytes(content)


@pytest.mark.workflow
def test_a_broken_study_or_task_stops_only_itself(project):
    done = run_snakemake(project, "-n", "tiny")
    assert done.returncode == 0 and "Nothing to be done" in done.stdout + done.stderr
    said = {
        "wrong_method": "studies.yaml: wrong_method.methods.nqg: algorithm 'nqg' is unknown; did you mean 'npg'?",
        "wrong_module": "algos/garbled.py: line 1: ",
        "wrong_task": "envs.yaml: Lost: id 'Hopper-v99' is unknown; did you mean 'Hopper-v",
    }
    for study, words in said.items():
        assert f"warning: {words}" in done.stderr
        alone = run_snakemake(project, study)
        assert alone.returncode != 0
        assert alone.stderr.splitlines()[-1].startswith(f"error: {words}")
    (project / "results/tiny/index.html").unlink()
    both = run_snakemake(project, "wrong_task", "tiny")
    assert both.returncode != 0 and "wrong_task is left out: " in both.stderr
    assert (project / "results/tiny/index.html").exists(), "the other study went on"
    command = [sys.executable, "-m", "study.spaces", "Hopper"]
    assert subprocess.run(command, cwd=project, capture_output=True).returncode == 0, "an entry that nobody names"


@pytest.mark.workflow
def test_a_checkout_is_found_through_a_link_and_from_another_folder(project, tmp_path):
    link = tmp_path / "link"
    os.symlink(project, link)
    out = run_snakemake(tmp_path, "-s", str(link / "Snakefile"), "-n", "tiny")
    assert out.returncode == 0 and "Nothing to be done" in out.stdout + out.stderr, out.stderr[-2000:]


@pytest.mark.workflow
def test_a_forced_run_keeps_its_log(project):
    (log,) = project.glob("logs/runs/npg/*/*/seed0.log")
    before = log.read_text()
    assert "finished in" in before
    for arguments in (["-F", "tiny"], ["-R", "train", "--", "tiny"]):
        done = run_snakemake(project, *arguments)
        assert done.returncode != 0
        assert "a run is kept by its key" in done.stderr.splitlines()[-1]
    assert log.read_text() == before
