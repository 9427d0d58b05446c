"""docs/extend.md on a study and on a published source, followed to the letter."""

import json
import re

import pandas as pd
import pytest
from copied import copy_project, run_snakemake, snakemake

from study.plan import ROOT

PAGE = (ROOT / "docs/extend.md").read_text(encoding="utf-8")


def block(heading, kind):
    """The one code block of this kind below a heading."""
    part = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (found,) = re.findall(rf"```{kind}\n(.*?)```", part, re.S)
    return found


@pytest.mark.slow
def test_a_study_and_a_published_source_are_added_as_the_page_says(tmp_path):
    project = copy_project(tmp_path / "project")
    (project / "studies.yaml").write_text(block("A study", "yaml"))
    command = block("A study", "sh").split()
    assert command[:3] == ["snakemake", "--cores", "2"]
    snakemake(project, *command[3:])
    results = project / "results/clipping"
    assert pd.read_csv(results / "tables/table1.csv")["paper"].tolist() == [-0.39, 0.76, 0.82]
    for colour in ("#00694e", "#009e73"):
        assert colour in (results / "figures/figure3.svg").read_text()

    (project / "published/lab.yaml").write_text(block("A published source", "yaml"))
    (project / "published/curves/lab.csv").write_text(block("A published source", "csv"))
    done = snakemake(project, "clipping")
    assert not re.search("train |evaluate ", done), "nothing trains"
    verdict = pd.read_csv(results / "tables/verdict.csv").set_index(["source", "method"])
    row = verdict.loc[("lab", "usual")]
    assert (row["theirs"], row["version"]) == (140, "-v2") and row["theirs_low"] < 140 < row["theirs_high"]
    assert row["verdict"] in ("above", "within", "below") and verdict.loc[("lab", "tight"), "verdict"] == "no data"
    order = pd.read_csv(results / "tables/verdict_summary.csv")["source"].tolist()
    assert order[1:4] == ["baselines", "lab", "spinning_up"], "by year"
    for figure in ("verdict", "figure3_overlay"):
        assert "Our lab 2019" in (results / f"figures/{figure}.svg").read_text()
    assert "Our lab 2019" in (results / "index.html").read_text()

    source = project / "published/lab.yaml"
    source.write_text(source.read_text().replace("metric: last_tenth", "metric: last_tent"))
    said = run_snakemake(project, "-n", "clipping")
    assert said.returncode == 0
    words = "metric: 'last_tent' is unknown; did you mean 'last_tenth'?: the source is left out"
    assert said.stderr.count(f"warning: published/lab.yaml: {words}") == 1


def test_the_grammar_of_a_source_names_all_that_its_file_may_have():
    schema = json.loads((ROOT / "schemas/published.schema.json").read_text())
    text = (ROOT / "published/README.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|", text.partition("## A source is a file")[2].partition("\n## ")[0], re.M)
    assert set(rows) == set(schema["properties"])


def test_each_fact_has_a_line_that_can_be_read():
    assert max(map(len, PAGE.splitlines())) <= 160
