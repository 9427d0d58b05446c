"""Figures and tables are found by listing their folders, as text."""

import subprocess
import sys

import pytest
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
    products.figures.cache_clear()
    yield tmp_path / "analysis/figures"
    products.figures.cache_clear()


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ABOUT = 'One.'\ndef draw(study, tables): ...\n", r"has ABOUT and no caption\(study, tables\)"),
        (f"ABOUT = f'{{1}}'\n{BOTH}", "ABOUT must be written out"),
        (f"ABOUT = 'One.'\n{BOTH}def wanted(study): return pd.DataFrame()\n", "wanted: name 'pd' is not defined"),
        ("ABOUT = 'One.'\ndef draw(:\n", "line 2: "),
    ],
)
def test_a_mistake_is_named_in_one_line(folder, text, said):
    (folder / "one.py").write_text(text)
    with pytest.raises(UsageError, match=rf"^analysis/figures/one\.py: .*{said}") as raised:
        products.figures_of(STUDY)
    assert "\n" not in str(raised.value)


def test_planning_imports_no_matplotlib():
    code = "import sys; from analysis.data.products import figures_of, tables_of; from study.plan import load_studies; "
    code += "print([(figures_of(s), tables_of(s)) for s in load_studies().values()]); "
    code += "sys.exit(bool({'matplotlib', 'scipy', 'seaborn', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "aggregates" in done.stdout, done.stderr
