"""Figures and tables are found by listing their folders, as text."""

import re
import subprocess
import sys

import pytest
import yaml
from copied import STUDIES, copy_project, run_snakemake
from made_up import made

from analysis.data import products
from core.errors import UsageError
from study.plan import ROOT

BOTH = "def draw(study, tables): ...\ndef caption(study, tables): ...\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """That of the figures, empty."""
    (tmp_path / "analysis/figures").mkdir(parents=True)
    monkeypatch.setattr(products, "ANALYSIS", tmp_path / "analysis")
    products._found.cache_clear()
    yield tmp_path / "analysis/figures"
    products._found.cache_clear()


STUDY = made({"trpo": {}}, ["Hopper"])
SWEEP = made({"trpo": {"sweep": {"max_kl": [0.01, 0.1]}}}, ["Hopper"])


def test_a_figure_is_a_module_that_says_what_it_is_about(folder):
    (folder / "helper.py").write_text("import no_such_library\nabout = 1\n")
    (folder / "one.py").write_text(f"import no_such_library\nABOUT = 'One.'\n{BOTH}")
    (folder / "two.py").write_text(
        f"ABOUT = ('Two '\n  'words.')\n{BOTH}\ndef wanted(study: Study): return study.sweeps\n"
    )
    assert list(products.figures()) == ["one", "two"]
    assert products.figures_of(STUDY) == {"one": "One."}
    assert products.figures_of(SWEEP) == {"two": "Two words."}


def test_about_may_have_a_type(folder):
    (folder / "one.py").write_text(f"ABOUT: str = 'One.'\n{BOTH}")
    assert products.figures_of(STUDY) == {"one": "One."}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ABOUT = 'One.'\ndef draw(study, tables): ...\n", "has ABOUT and no caption(study, tables)"),
        (BOTH, "has draw and caption, and no ABOUT: write ABOUT = a sentence on the figure"),
        (f"ABOUT = f'{{1}}'\n{BOTH}", "ABOUT must be written out, as one text in quotation marks"),
        (f"ABOUT = 1\n{BOTH}", "ABOUT must be written out, as one text in quotation marks"),
        (f"ABOUT = 'One.'\n{BOTH}def wanted(study): return pd.DataFrame()\n", "wanted: name 'pd' is not defined"),
        (f"ABOUT = 'One.'\n{BOTH}@cache\ndef wanted(study): ...\n", "wanted: name 'cache' is not defined"),
        ("ABOUT = 'One.'\ndef draw(:\n", "line 2: invalid syntax"),
    ],
)
def test_a_mistake_leaves_the_figure_out_in_one_line(folder, text, said):
    (folder / "one.py").write_text(text)
    (folder / "two.py").write_text(f"ABOUT = 'Two.'\n{BOTH}")
    assert products.figures_of(STUDY) == {"two": "Two."}
    line = f"analysis/figures/one.py: {said}"
    assert products.left_out([STUDY, STUDY]) == [f"warning: {line}: the figure is left out"]
    with pytest.raises(UsageError, match=f"^{re.escape(line)}$"):
        products.chosen(products.FIGURES, STUDY, "one")


def test_a_figure_that_a_study_does_not_have_is_said(folder):
    (folder / "figure3.py").write_text(f"ABOUT = 'One.'\n{BOTH}")
    with pytest.raises(UsageError, match=r"^figure 'figur3' is unknown; did you mean 'figure3'\?$"):
        products.chosen(products.FIGURES, STUDY, "figur3")
    with pytest.raises(UsageError, match=r"^made does not have the figure figure3: studies with a sweep do not$"):
        products.chosen(products.FIGURES, SWEEP, "figure3")


def test_tables_are_texts_and_made_once(folder):
    other = folder.parent / "statistics"
    other.mkdir()
    make = "def make(study, tables): ...\n"
    (other / "a.py").write_text(f"TABLES = {{'t': 'A table.'}}\n{make}")
    (other / "b.py").write_text(f"TABLES = {{'t': 'A table.'}}\n{make}")
    (other / "c.py").write_text(f"TABLES = {{'t': 1}}\n{make}")
    assert products.tables_of(STUDY) == {"t": "A table."}
    taken = "TABLES: 't' is made by analysis/statistics/a.py already"
    written = "TABLES must be written out, as {name: sentence} of texts in quotation marks"
    assert products.left_out([STUDY]) == [
        f"warning: analysis/statistics/b.py: {taken}: the statistics are left out",
        f"warning: analysis/statistics/c.py: {written}: the statistics are left out",
    ]


@pytest.mark.workflow
def test_snakemake_plans_the_rest_where_modules_have_mistakes(tmp_path):
    project = copy_project(tmp_path / "project")
    (project / "studies.yaml").write_text(f"{STUDIES}looks: {{trop: {{line: dashed}}}}\n")
    (project / "analysis/figures/cost.py").write_text("ABOUT = \n")
    (project / "analysis/statistics/table1.py").write_text("TABLES = dict()\n")
    done = run_snakemake(project, "-n", "tiny")
    assert done.returncode == 0 and "figure profiles of tiny" in done.stdout + done.stderr
    assert "figure cost" not in done.stdout + done.stderr
    assert done.stderr.count("warning: analysis/figures/cost.py: line 1: ") == 1
    assert done.stderr.count("warning: analysis/statistics/table1.py: ") == 1
    assert "warning: studies.yaml: looks: 'trop' is unknown; did you mean 'trpo'?" in done.stderr


def test_planning_imports_no_matplotlib():
    code = "import sys; from analysis.data.products import figures_of, tables_of; from study.plan import load_studies; "
    code += "print([(figures_of(s), tables_of(s)) for s in load_studies().values()]); "
    code += "sys.exit(bool({'matplotlib', 'scipy', 'seaborn', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "aggregates" in done.stdout, done.stderr


def test_on_a_cluster_all_that_draws_a_study_is_one_job():
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    drawing = {group.partition("=")[0] for group in profile["groups"] if group.endswith("=draw_{study}")}
    assert drawing == {"figure", "page", *(f"statistics_{name}" for name in products.statistics())}
