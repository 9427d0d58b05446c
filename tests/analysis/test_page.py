"""The page of a study, opened in a browser without a head: read, clicked, narrow, dark, and without a network.

The runs are those of results/runs, of real trainings, put under the keys of a small study; of one cell a run is cut
and marked as diverged, of another a run is missing.
"""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from browser import Page, browse, requests
from copied import copy_project
from reference import change, diverge, put_film, put_runs
from selenium.webdriver.common.action_chains import ActionChains

from analysis.data.products import figures_of, video_file
from study.plan import load_study

pytestmark = pytest.mark.long

STUDIES = """
mini:
  title: A mini study <of two tasks>
  tasks: [Hopper, InvertedPendulum]
  seeds: 2
  steps: 1_000_000
  methods:
    trpo: {published: TRPO}
    npg: {label: natural & $\\plain$}
    ppo_clip: {published: PPO (Clip), epsilon: 0.3}
sizes:
  title: Step sizes
  tasks: [Hopper]
  seeds: 2
  steps: 1_000_000
  methods:
    trpo: {sweep: {max_kl: [0.001, 0.02]}}
    npg: {sweep: {max_kl: [0.001, 0.02]}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = copy_project(tmp_path_factory.mktemp("project"))
    (root / "studies.yaml").write_text(STUDIES)
    for study in ("mini", "sizes"):
        put_runs(root, load_study(study, root))
    mini = load_study("mini", root)
    diverge(root / mini.cell("Hopper", "npg").folder(1), 420_000)
    shutil.rmtree(root / mini.cell("InvertedPendulum", "ppo_clip").folder(0))
    folder = root / mini.cell("Hopper", "ppo_clip").folder(0)
    options = json.loads((folder / "run.json").read_text())["options"]
    change(folder, options=options | {"epsilon": 0.25})
    put_film(root / video_file(mini, mini.cell("Hopper", "trpo")))
    return root


@pytest.fixture(scope="module")
def made(project):
    """The pages, by study."""
    pages = {}
    for study in ("mini", "sizes"):
        command = [sys.executable, "-W", "error", "-m", "analysis.terminal.so_far", study]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        pages[study] = project / f"results/{study}/so_far/index.html"
    return pages


@pytest.fixture(scope="module")
def mini(made):
    return made["mini"]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    browser = browse(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.quit()


@pytest.fixture
def page(chromium, mini):
    """The page, which must not have complained or asked for anything when the test is over."""
    opened = Page(chromium, mini)
    yield opened
    assert chromium.get_log("browser") == []
    asked = requests(chromium)
    assert mini.as_uri() in asked, "requests are seen at all"
    assert {url for url in asked if not url.startswith("data:")} <= {mini.as_uri(), "about:blank"}


def test_what_it_says_agrees_with_the_tables(page, mini):
    assert page.one("h1").text == "A mini study <of two tasks>"
    assert "3 methods on 2 tasks, 2 seeds each, 1,000,000 environment steps a run" in page.one("header").text
    cells = pd.read_csv(mini.parent / "tables/cells.csv").set_index(["task", "method"])
    shown = page("document.querySelector('#scores .map').innerText")
    for mean in cells["mean"]:
        assert f"{mean:,.0f}" in shown
    sentences = pd.read_csv(mini.parent / "tables/verdict_summary.csv").query("cells > 0")["sentence"]
    verdict = page("document.querySelector('#verdict').textContent")
    assert all(sentence.split(": ", 1)[1] in verdict for sentence in sentences)
    table = pd.read_csv(mini.parent / "tables/verdict.csv").query("verdict != 'no data'")
    for word in ("above", "within", "below"):
        assert len(page.all(f"#verdict .map td.{word}")) == (table["verdict"] == word).sum()
    assert len(page.all("#verdict .map td.weak")) == table["weak"].sum() > 0
    best = pd.read_csv(mini.parent / "tables/ranking.csv").iloc[0]
    assert f"{best['iqm']:.2f}" in page.one(".short").text


def test_what_is_missing_or_diverged_is_seen(page):
    assert "11 of 12 runs are finished" in page.one("#missing").text
    assert "ppo_clip on InvertedPendulum: seed 0" in page.one("#missing").text
    assert "1 of 11 runs diverged" in page.one("#diverged").text
    assert r"natural & $\plain$ on Hopper: seed 1, after 419,840 steps" in page.one("#diverged").text
    score = page.one('#scores .map a[href="#cell-Hopper-npg"]')
    assert score.text.endswith("1/2")
    assert page.one('#scores .map a[href="#cell-InvertedPendulum-ppo_clip"]').text.endswith("1/2")
    assert page.one("#cell-Hopper-npg summary").text.replace("\n", " ").endswith("1/2")
    assert r"natural & $\plain$ (3/4)" in page.column("#table-ranking", "Method")
    page.one("#table-cells summary").click()
    finished = {(r[0], r[1]): r[2] for r in page.rows("#table-cells")}
    assert finished["Hopper", r"natural & $\plain$"] == "1/2" and finished["Hopper", "trpo"] == "2/2"


def test_films_are_shown_where_there_are_some(page, made):
    (task,) = page.all("#films details")
    assert "Hopper-v4" in task.text, "the one task that has a film"
    task.click()
    films = [link.text for link in page.all("#films .reel a")]
    assert films == ["trpo", "no film\nnatural & $\\plain$", "no film\nppo_clip"]
    image = page.one("#films img")
    image.click()
    assert page("document.querySelector('#cell-Hopper-trpo').open")
    assert page("arguments[0].decode().then(() => arguments[0].naturalWidth)", image) == 20
    assert 'id="films"' not in made["sizes"].read_text(encoding="utf-8")


def test_tables_sort_by_number_and_by_word(page):
    page.one("#table-cells summary").click()
    buttons = {button.text: button for button in page.all("#table-cells th button")}

    def scores():
        return [
            float(text.split(" ")[0].replace(",", "").replace("−", "-"))
            for text in page.column("#table-cells", "Score")
        ]

    before = scores()
    buttons["Score"].click()
    assert scores() == sorted(before, reverse=True) != before
    assert page("document.querySelector('#table-cells [aria-sort]').innerText.trim()") == "Score"
    buttons["Score"].click()
    assert scores() == sorted(before)
    buttons["Method"].click()
    methods = page.column("#table-cells", "Method")
    assert methods == sorted(methods) and len(set(methods)) == 3
    assert len(page.all("#table-cells [aria-sort]")) == 1


@pytest.mark.parametrize(("sign", "order"), [(1, ["-1", "5", "40", ""]), (-1, ["40", "5", "-1", ""])])
def test_what_is_not_known_is_last_however_a_table_is_sorted(page, sign, order):
    code = """['', '5', '-1', '40'].map(v => { const cell = document.createElement('td');
        cell.className = 'n'; cell.dataset.v = v; return cell; })
        .sort((a, b) => compare(a, b, arguments[0])).map(cell => cell.dataset.v)"""
    assert page(code, sign) == order


def test_a_cell_opens_and_shows_every_seed_and_diagnostic(page, mini):
    cell = page.one("#cell-Hopper-trpo")
    assert cell.get_attribute("open") is None
    page.one('#scores .map a[href="#cell-Hopper-trpo"]').click()
    assert cell.get_attribute("open") is not None
    assert abs(page("document.getElementById('cell-Hopper-trpo').getBoundingClientRect().top")) < 120, "it is in sight"
    titles = [title.text for title in page.all("#cell-Hopper-trpo h4")]
    for word in ("Return", "KL", "Entropy", "Explained variance", "accepted"):
        assert any(word in title for title in titles), word
    for panel in page.all("#cell-Hopper-trpo .panel"):
        lines = panel.find_elements("css selector", "path[data-line]")
        assert {line.get_attribute("data-line") for line in lines} == {"0", "1"}
        assert all(line.get_attribute("d").count("L") > 50 for line in lines), "a line, not a point"
    assert {r.text.split()[0] for r in page.all("#cell-Hopper-trpo tbody tr")} == {"0", "1"}
    assert "PPO paper (-v1)" in cell.text and "mean over seeds" in cell.text
    page.unfold("#cell-Hopper-npg")
    crosses = page.all("#cell-Hopper-npg .cross")
    assert {cross.get_attribute("data-line") for cross in crosses} == {"1"}, "where the run diverged"


def test_a_curve_is_where_its_table_says(page, mini):
    curves = pd.read_parquet(mini.parent / "tables/curves.parquet").query("task == 'Hopper' and method == 'trpo'")
    page.unfold("#cell-Hopper-trpo")
    values = curves.query("seed == 1")["return"].to_numpy()
    d = page.one("#cell-Hopper-trpo .panel:first-child path[data-line='1']").get_attribute("d")
    points = np.array([[float(v) for v in p.split()] for p in d[1:].split("L")])
    assert len(points) == np.isfinite(values).sum()
    labels = page.all("#cell-Hopper-trpo .panel:first-child text[text-anchor=end]")[:-1]  # the last is of the steps
    texts = [label.get_attribute("textContent").replace("k", "e3") for label in labels]
    ticks = [(float(t), float(label.get_attribute("y")) - 3.5) for t, label in zip(texts, labels, strict=True)]
    (v0, y0), (v1, y1) = ticks[0], ticks[-1]
    seen = v0 + (points[:, 1] - y0) * (v1 - v0) / (y1 - y0)
    assert seen == pytest.approx(values[np.isfinite(values)], abs=0.005 * abs(v1 - v0))


def test_a_row_of_a_seed_picks_out_its_lines(page):
    page.unfold("#cell-Hopper-trpo")
    ActionChains(page.browser).move_to_element(page.one("#cell-Hopper-trpo tr[data-seed='1']")).perform()
    dim = page.all("#cell-Hopper-trpo .dim")
    assert {line.get_attribute("data-line") for line in dim} == {"0"}


def test_how_each_figure_was_made(page, project):
    shown = {figure.get_attribute("id").removeprefix("figure-"): figure for figure in page.all("figure")}
    assert shown.keys() == figures_of(load_study("mini", project)).keys() - {"verdict"}, "which is a table here"
    for name, figure in shown.items():
        width = page("arguments[0].querySelector('img').naturalWidth", figure)
        assert width > 300, "the image is one"
        text = figure.get_attribute("textContent")
        assert f"analysis/figures/{name}.py" in text and "python -m analysis.terminal.so_far mini" in text
        assert "11 runs of 6 keys, seeds 0, 1" in text
    made = page("document.getElementById('made').textContent")
    cell = load_study("mini", project).cell("Hopper", "ppo_clip")
    record = json.loads((project / cell.folder(0) / "run.json").read_text())
    for word in (cell.key, record["versions"]["torch"], record["versions"]["mujoco"], record["cpu"]["model"]):
        assert word in made
    assert record["commit"][:10] in made
    assert "the trust region (TRPO paper, Baselines 2017)" in made, "an option's source"
    links = page("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))")
    assert len(links) > 50
    assert {link for link in links if not page.all(link)} == set(), "links lead somewhere"


def test_options_are_those_that_the_runs_recorded(page):
    page.unfold("details")
    rows = {row[0]: row[1] for row in page.rows("#options-ppo_clip")}
    assert rows["epsilon"] == "0.25 default 0.2"
    assert rows["gamma"] == "0.99" and rows["envs"] == "8"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("study", ["mini", "sizes"])
def test_nothing_overflows_and_the_scheme_is_kept(chromium, made, study, width, scheme):
    page = Page(chromium, made[study], width, scheme)
    page.unfold("details")
    assert page("document.documentElement.scrollWidth") <= width
    outside = page("""[...document.querySelectorAll('body *')].filter(e => {
        const box = e.getBoundingClientRect();
        return box.width && (box.right > innerWidth + 1 || box.left < -1) && !e.closest('.scroll, nav, svg');
    }).map(e => e.outerHTML.slice(0, 120))""")
    assert outside == []
    text = "[...document.querySelectorAll('p, td, th, summary, dd, figcaption')]"
    assert page(f"Math.min(...{text}.map(e => parseFloat(getComputedStyle(e).fontSize)))") >= 12
    for place in ("header", "#curves", "#scores", "#cells"):
        page(f"document.querySelector('{place}').scrollIntoView()")
        pixels = page.pixels()
        light = np.median(pixels.mean(axis=2))
        assert light > 0.9 if scheme == "light" else light < 0.2
        assert pixels.std() > 0.02, "something is on it"
    text, paper = page("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    assert abs(brightness(text) - brightness(paper)) > 0.7


def brightness(colour):
    return sum(map(int, colour.removeprefix("rgb(").rstrip(")").split(", "))) / 765


def test_without_javascript_all_is_there(chromium, mini):
    opened = Page(chromium, mini, script=False)
    try:
        assert not opened.all("th button")
        assert "11 of 12 runs are finished" in opened.one("#missing").text
        assert len(opened.all("#table-ranking tbody tr")) == 3
        assert opened.one("#table-ranking tbody td").is_displayed()
        opened.one("#cell-Hopper-trpo summary").click()
        assert len(opened.all("#cell-Hopper-trpo svg path[data-line]")) > 10
        assert opened.one("#cell-Hopper-trpo svg").is_displayed()
    finally:
        opened.command("Emulation.setScriptExecutionDisabled", value=False)


def test_the_file_is_whole_and_small(mini):
    text = mini.read_text()
    assert "http://" not in text.replace("http://www.w3.org", "") and "https://" not in text
    assert mini.stat().st_size < 3e6


def test_without_tables_it_says_what_to_run(project):
    done = subprocess.run([sys.executable, "-m", "analysis.page", "sizes"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: no results/sizes/tables/scores.csv; first run: snakemake --cores 2 sizes\n"
    done = subprocess.run([sys.executable, "-m", "analysis.page"], cwd=project, capture_output=True, text=True)
    assert done.stderr == "usage: python -m analysis.page STUDY\n"
