"""The target `lecture`: every topic is drawn, and an edit redraws what it touches."""

import re
import shutil

import pandas as pd
import pytest
from copied import STUDIES, edit, snakemake
from copied import copy_project as copy_sources

from study.plan import ROOT

pytestmark = pytest.mark.workflow

HELPERS = ("__init__", "__main__", "trained")
TOPICS = sorted(path.stem for path in (ROOT / "lecture").glob("*.py") if path.stem not in HELPERS)
CHEAP = [f"results/lecture/figures/{topic}.png" for topic in ("visitation", "sigmoid")]


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
    """What a dry run would compute, and what it would draw."""
    out = snakemake(project, "-n", *targets)
    return sorted(set(re.findall(r"compute (\w+)", out))), sorted(set(re.findall(r"draw (\w+)", out)))


def test_every_topic_is_computed_and_drawn_by_the_target(tmp_path):
    assert planned(copy_project(tmp_path / "project"), "lecture") == (TOPICS, TOPICS)
    assert len(TOPICS) >= 12
    assert {path.stem for path in (ROOT / "analysis" / "lecture").glob("*.py")} >= set(TOPICS)


def test_a_topic_has_its_table_and_both_figures(project):
    table = pd.read_csv(project / "results/lecture/tables/visitation.csv")
    assert len(table) > 0
    for suffix in ("png", "svg"):
        assert (project / f"results/lecture/figures/visitation.{suffix}").stat().st_size > 10_000


@pytest.mark.slow
def test_an_edit_redraws_the_topic_it_touches(project):
    assert planned(project, *CHEAP) == ([], [])
    edit(project / "analysis/lecture/visitation.py", "\nimport", "\n# a comment\nimport")
    assert planned(project, *CHEAP) == ([], ["visitation"])
    edit(project / "lecture/visitation.py", "\nimport", "\n# a comment\nimport")
    assert planned(project, *CHEAP) == (["visitation"], ["visitation"])
    edit(project / "analysis/lecture/style.py", "\nimport", "\n# a comment\nimport")
    assert planned(project, *CHEAP) == (["visitation"], ["sigmoid", "visitation"])


def test_a_topic_depends_on_the_sources_that_it_executes(project):
    table = "results/lecture/tables/ppo_surrogates.csv"
    (project / table).write_text("made before the edits\n")
    assert planned(project, table) == ([], [])
    edit(project / "algos/a2c.py", "\n@dataclass", "\n# a comment\n@dataclass")
    assert planned(project, table) == ([], [])
    edit(project / "algos/ppo_clip.py", "\n@dataclass", "\n# a comment\n@dataclass")
    assert planned(project, table) == (["ppo_surrogates"], [])
