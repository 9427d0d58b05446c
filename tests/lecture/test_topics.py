"""The topics of the lectures: each is on the page, has a test and is drawn by the target ``lecture``."""

import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from copied import STUDIES, edit, snakemake
from copied import copy_project as copy_sources
from extend import blocks, files

from study import topics as listing
from study.plan import ROOT

CHEAP = [f"results/lecture/figures/{topic}.png" for topic in ("visitation", "sigmoid")]


def topics(root=ROOT):
    found, wrong = listing.topics(root)
    assert not wrong
    return found


def copy_project(target):
    """The project's sources with a study, which planning asks for."""
    (copy_sources(target) / "studies.yaml").write_text(STUDIES)
    return target


@pytest.fixture
def project(once, tmp_path):
    """A copy in which two topics are drawn."""
    made = once("lecture", lambda project: snakemake(copy_project(project), *CHEAP))
    return shutil.copytree(made, tmp_path / "project")


def planned(project, *targets):
    """The topics that a dry run would draw."""
    return sorted(set(re.findall(r"draw (\w+)", snakemake(project, "-n", *targets))))


def test_the_page_shows_every_topic():
    page = (ROOT / "docs/lecture.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\(lecture/(\w+)\.png\)", page)) == topics()
    assert sorted(path.stem for path in (ROOT / "docs/lecture").iterdir()) == topics()


def test_a_topic_without_a_table_is_left_out(tmp_path):
    (tmp_path / "lecture").mkdir()
    (tmp_path / "lecture/one.py").write_text("def draw(table): ...\n")
    (tmp_path / "lecture/two.py").write_text("def table(): ...\ndef draw(table): ...\n")
    assert listing.topics(tmp_path) == (["two"], {"one": "lecture/one.py: has draw(table) and no table()"})


def test_every_topic_has_a_test():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests/lecture").glob("test_*.py")]
    lines = [line for text in texts for line in re.findall(r"^from lecture import (.+)$", text, re.M)]
    assert set(topics()) <= set(re.findall(r"\w+", " ".join(lines)))


@pytest.mark.workflow
def test_every_topic_is_drawn_by_the_target(tmp_path):
    assert planned(copy_project(tmp_path / "project"), "lecture") == topics()


@pytest.mark.workflow
def test_a_topic_has_its_table_and_both_figures(project):
    table = pd.read_csv(project / "results/lecture/tables/visitation.csv")
    assert len(table) > 0
    for suffix in ("png", "svg"):
        assert (project / f"results/lecture/figures/visitation.{suffix}").stat().st_size > 10_000


@pytest.mark.workflow
@pytest.mark.slow
def test_an_edit_redraws_the_topic_it_touches(project):
    assert planned(project, *CHEAP) == []
    edit(project / "lecture/visitation.py", "\nimport", "\n# a comment\nimport")
    assert planned(project, *CHEAP) == ["visitation"]
    edit(project / "lecture/style.py", "\nimport", "\n# a comment\nimport")
    assert planned(project, *CHEAP) == ["sigmoid", "visitation"]


@pytest.mark.workflow
def test_a_topic_depends_on_the_sources_that_it_executes(project):
    table = "results/lecture/tables/ppo_surrogates.csv"
    for file in (table, *(f"results/lecture/figures/ppo_surrogates.{suffix}" for suffix in ("png", "svg"))):
        (project / file).write_text("made before the edits\n")
    assert planned(project, table) == []
    edit(project / "algos/a2c.py", "\n@dataclass", "\n# a comment\n@dataclass")
    assert planned(project, table) == []
    edit(project / "algos/ppo_clip.py", "\n@dataclass", "\n# a comment\n@dataclass")
    assert planned(project, table) == ["ppo_surrogates"]


@pytest.mark.workflow
def test_the_page_on_adding_a_claim_works_to_the_letter(tmp_path):
    project = copy_project(tmp_path / "project")
    for path, code in files("A claim of the lectures").items():
        (project / path).write_text(code)
    assert planned(project, "lecture") == sorted([*topics(), "baseline"])
    (commands,) = blocks("A claim of the lectures", "sh")
    for command in commands.splitlines():
        assert command.startswith("python -m ")
        done = subprocess.run([sys.executable, *command.split()[1:]], cwd=project, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert len(pd.read_csv(project / "results/lecture/tables/baseline.csv")) == 41
    for suffix in ("png", "svg"):
        assert (project / f"results/lecture/figures/baseline.{suffix}").stat().st_size > 10_000
