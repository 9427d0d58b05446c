"""The part of the page on extending that is about a figure, followed to the letter."""

import re
import shutil
import subprocess
import sys

import pytest
from copied import snakemake

from study.plan import ROOT

PART = (ROOT / "docs/extend.md").read_text(encoding="utf-8").partition("\n## A figure\n")[2].partition("\n## ")[0]


def python(project, *arguments):
    return subprocess.run([sys.executable, "-m", *arguments], cwd=project, capture_output=True, text=True, check=True)


@pytest.mark.workflow
def test_a_new_figure_is_drawn_shown_and_tested_without_another_edit(finished, tmp_path):
    project = shutil.copytree(finished, tmp_path / "project")
    path = re.search(r"`(analysis/figures/(\w+)\.py)`:", PART)
    code, command = (re.search(rf"```{kind}\n(.*?)```", PART, re.S)[1] for kind in ("python", "sh"))
    (project / path[1]).write_text(code)
    about, name = re.search(r'ABOUT = "(.*)"', code)[1], path[2]

    assert command == "snakemake --cores 2 quick\n"
    out = snakemake(project, "tiny")
    made = set(re.findall(r"\b(figure \w+|tables|statistics|page) of tiny|\b(train|evaluate) ", out))
    assert {job or other for job, other in made} == {f"figure {name}", "page"}
    figure = project / f"results/tiny/figures/{name}.png"
    assert all(figure.with_suffix(kind).stat().st_size > 50 for kind in (".png", ".svg", ".txt"))
    assert "InvertedPendulum-v4; 1 seed, 600 steps each." in figure.with_suffix(".txt").read_text(encoding="utf-8")
    page = (project / "results/tiny/index.html").read_text(encoding="utf-8")
    assert f'<figure id="figure-{name}">' in page and f"python -m analysis.figures tiny {name}" in page
    assert "Nothing to be done" in snakemake(project, "-n", "tiny")

    python(project, "analysis.terminal.so_far", "tiny")
    assert (project / f"results/tiny/so_far/figures/{name}.svg").is_file()
    snakemake(project, "tiny", "--report", "report.html")
    assert about in (project / "report.html").read_text(encoding="utf-8")
    before = figure.read_bytes()
    figure.unlink()
    python(project, "analysis.figures", "tiny", name)
    assert figure.read_bytes() == before
    done = python(project, "pytest", "tests/analysis/test_figures.py", "-n", "0", "-k", name)
    assert "3 passed" in done.stdout
