"""The small drawings of a study's page, by what is in them; and the page of a study of 500 runs."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from copied import copy_project
from reference import put_runs

from analysis.data.products import video_file
from analysis.page import films
from analysis.page.build import _sections
from analysis.page.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Line, Panel, short, spark, thinned
from analysis.page.tables import Names, cost
from study.plan import load_study

X = np.array([0.0, 50.0, 100.0])


def points(svg, css="seed"):
    """The points of a line, in shares of the axes: across, and up."""
    path = next(e for e in ElementTree.fromstring(svg) if e.get("class") == css)
    pairs = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path.get("d"))
    across = [(float(x) - LEFT) / (WIDTH - LEFT - RIGHT) for x, _ in pairs]
    up = [1 - (float(y) - TOP) / (HEIGHT - TOP - BOTTOM) for _, y in pairs]
    return list(zip(across, up, strict=True))


def texts(svg):
    return ["".join(e.itertext()) for e in ElementTree.fromstring(svg) if e.tag == "text"]


def test_a_line_is_where_its_numbers_are():
    svg = Panel("t", [Line(X, np.array([0.0, 1.0, 0.5]), "seed")], span=(0, 1)).svg(100)
    assert points(svg) == [pytest.approx(p, abs=1e-3) for p in [(0, 0), (0.5, 1), (1, 0.5)]]
    assert texts(svg) == ["0", "0.2", "0.4", "0.6", "0.8", "1", "0", "50", "100"]


def test_on_a_log_axis_decades_are_equally_far_apart_and_what_has_no_log_is_at_its_foot():
    values = np.array([1e-4, 1e-2, 1.0])
    lines = [Line(X, values, "seed"), Line(X, np.array([-1e-9, 0, 1e-2]), "foot")]
    svg = Panel("t", lines, log=True, span=(1e-4, 1.0)).svg(100)
    assert points(svg) == [pytest.approx(p, abs=1e-3) for p in [(0, 0), (0.5, 0.5), (1, 1)]]
    assert points(svg, "foot") == [pytest.approx(p, abs=1e-3) for p in [(0, 0), (0.5, 0), (1, 0.5)]]
    assert texts(svg)[:5] == ["10−4", "0.001", "0.01", "0.1", "1"]
    assert texts(Panel("t", [Line(X, np.array([0.011, 0.02, 0.06]), "seed")], log=True).svg(100))[:2] == [
        "0.02",
        "0.05",
    ]


@pytest.mark.parametrize("values", [(-1.7e308, 0.0, 1.7e308), (1e308, 1e308, 1e308), (0.0, 1e300, 1.0)])
def test_what_a_diverging_run_reports_is_drawn(values):
    for log in (False, True):
        svg = Panel("t", [Line(X, np.array(values), "seed", ends=True)], log=log).svg(100)
        assert "nan" not in svg and len(points(svg)) >= 2


def test_a_gap_breaks_a_line_and_nothing_draws_nothing():
    svg = Panel("t", [Line(np.arange(5.0), np.array([1, 2, np.nan, 3, 4]), "seed", ends=True)]).svg(4)
    assert re.search(r'd="M[^M]*L[^M]*M[^M]*L[^M]*"', svg)
    assert "cross" in svg
    assert Panel("t", [Line(X, np.full(3, np.nan), "seed")]).svg(100) == ""
    assert Panel("t", [Line(X, np.full(3, np.inf), "seed")]).svg(100) == ""
    assert Panel("t").svg(100) == ""
    assert "a1.5 1.5" in Panel("t", [Line(X[:1], np.array([3.0]), "seed")]).svg(100), "one point is a dot"
    assert "path" in Panel("t", [Line(X, np.full(3, 7.0), "seed")]).svg(100), "all the same is a line"


def test_names_are_escaped():
    svg = Panel("a < b", [Line(X, X, "seed", name="<i>")]).svg(100)
    assert ElementTree.fromstring(svg).get("aria-label") == "a < b"


def test_values_are_thinned_by_step():
    steps, values = np.array([10, 25, 26, 60, 100]), np.array([1.0, 3.0, 5.0, np.nan, 7.0])
    assert thinned(steps, values, 100, 4) == pytest.approx([2, 5, np.nan, 7], nan_ok=True)
    assert thinned(steps, values, 100, 4, "max") == pytest.approx([3, 5, np.nan, 7], nan_ok=True)
    assert thinned(np.array([100]), np.array([-2.0]), 100, 2, "max") == pytest.approx([np.nan, -2], nan_ok=True)


def test_a_glance_keeps_to_its_span():
    svg = spark(X, np.array([-5.0, 0.0, 10.0]), 100, (0, 20))
    assert re.findall(r"[\d.]+ ([\d.]+)(?=L|\")", svg.split("<path")[1]) == ["24", "24", "14"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (-600, "−600"), (2500, "2.5k"), (1234, "1234"), (5e5, "500k"), (1e6, "1M"), (0.25, "0.25")],
)
def test_numbers_of_an_axis_are_short(value, text):
    assert short(value) == text


@pytest.mark.slow
def test_the_page_of_a_large_study_is_small(tmp_path):
    copy_project(tmp_path)
    (tmp_path / "studies.yaml").write_text("""
large:
  tasks: [HalfCheetah, Hopper, InvertedDoublePendulum, InvertedPendulum, Reacher, Swimmer, Walker2d]
  seeds: 10
  steps: 1_000_000
  methods:
    trpo: {published: TRPO}
    ppo_clip: {published: PPO (Clip)}
    npg:
    a2c: {published: A2C}
    a2c_trust_region: {published: A2C + Trust Region}
    trpo_frozen: {algo: trpo, log_std: frozen}
    trpo_penalty:
""")
    study = load_study("large", tmp_path)
    put_runs(tmp_path, study)
    subprocess.run([sys.executable, "-m", "analysis.terminal.so_far", "large"], cwd=tmp_path, check=True)
    page = tmp_path / "results/large/so_far/index.html"
    assert page.read_text().count('<details class="cell"') == len(study.cells) == 49
    assert page.stat().st_size < 10e6


def test_a_film_is_shown_unless_it_is_missing_too_large_or_of_nobody(tmp_path, monkeypatch):
    study = load_study("quick")
    monkeypatch.setattr(films, "ROOT", tmp_path)
    files = {cell.method.name: tmp_path / video_file(study, cell) for cell in study.cells if cell.task == "Hopper"}
    for method, size in (("pg", 10), ("npg", films.LARGEST), ("trpo", films.LARGEST + 1)):
        files[method].parent.mkdir(parents=True)
        files[method].write_bytes(b"x" * size)
    rows = [("Hopper", m, s, "finished", 10.0 * s + 20) for m in ("npg", "trpo", "ppo_clip") for s in (0, 1)]
    rows += [("Hopper", "pg", s, "diverged", 16.4) for s in (0, 1)] + [("Hopper", "ppo_kl", 0, "diverged", 16.4)]
    runs = pd.DataFrame([*rows, ("Hopper", "ppo_kl", 1, "finished", np.nan)])
    runs.columns = ["task", "method", "seed", "status", "deterministic"]
    found = films.read(Names(study, runs, dict.fromkeys(study.methods, "")), runs)
    assert list(found) == ["Hopper"], "the other task has none"
    shown = {film.link.rsplit("-", 1)[1]: (bool(film.source), film.why[:9], film.score) for film in found["Hopper"]}
    assert shown == {
        "pg": (False, "diverged", ""),
        "npg": (True, "", "20.0"),
        "trpo": (False, "too large", "20.0"),
        "ppo_clip": (False, "no film", "20.0"),
        "ppo_kl": (False, "no film", ""),
    }


def test_a_cell_says_how_many_of_its_runs_did_not_diverge():
    study = load_study("quick")
    rows = [
        ("Hopper", "npg", 0, "finished"),
        ("Hopper", "npg", 1, "diverged"),
        ("InvertedPendulum", "npg", 0, "finished"),
    ]
    names = Names(
        study, pd.DataFrame(rows, columns=["task", "method", "seed", "status"]), dict.fromkeys(study.methods, "")
    )
    assert [names.cell(task, "npg").text for task in study.tasks] == ["npg", "npg (1/2)"]
    taken = {
        "wall_seconds": 2.0,
        "wall_lowest": 1.0,
        "wall_highest": 3.0,
        "steps_per_second": 9.0,
        "peak_memory_mb": 300.0,
    }
    row = {"task": "Hopper", "method": "npg", "runs": 2} | taken | {"compiled": 2, "cpus": "any"}
    assert cost(names, {"cost": pd.DataFrame([row])}).rows[0][1].text == "npg (1/2)"


def test_a_figure_of_no_section_or_of_one_that_is_not_there_stands_under_more():
    figures = dict.fromkeys(("sweeps", "own", "aggregates", "cost"))
    found = _sections(figures, {"verdict": False, "statistics": False, "table1": False, "cost": True})
    assert {section: [*some] for section, some in found.items()} == {
        "curves": ["sweeps"],
        "cost": ["cost"],
        "more": ["own", "aggregates"],
    }
