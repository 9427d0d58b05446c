"""Tables and curves, on made-up runs."""

import dataclasses
import json
import shutil

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from analysis.data import published
from analysis.data.published import paper_curves, published_curves, read_data, sources
from analysis.data.runs import FinishedRun, read_runs
from analysis.data.tables import curve_of, learning_curve, score
from analysis.figures.curves import colours, draw
from analysis.statistics.intervals import bootstrap
from core.errors import UsageError
from study.config import read_config
from study.plan import ROOT, make_study


def episodes(*rows):
    return pd.DataFrame(rows, columns=["step", "return"])


@pytest.fixture
def quick():
    """A study of this file's own: what studies.yaml holds is for its users to change."""
    named = {"trpo": {"published": "TRPO"}, "ppo_clip": {"published": "PPO (Clip)"}}
    methods = {"pg": None, "npg": {}, **named, "ppo_kl": {}}
    entry = {"tasks": ["InvertedPendulum", "Hopper"], "seeds": 2, "steps": 60_000, "methods": methods}
    return make_study("quick", entry, read_config(ROOT / "envs.yaml"))


def test_a_curve_is_the_mean_of_the_episodes_that_ended_in_the_window_before():
    curve = learning_curve(episodes((15, 1.0), (20, 3.0), (21, 8.0), (50, 4.0)), budget=1000)
    assert list(curve["step"]) == list(range(10, 1001, 10))
    at = curve.set_index("step")["return"]
    assert np.isnan(at[10]), "no episode has ended"
    assert at[20] == 2.0, "(0, 20] holds 15 and 20"
    assert at[30] == 4.0, "(10, 30] holds 15, 20 and 21"
    assert at[40] == 8.0, "(20, 40] holds 21; 20 itself is out"
    assert at[50] == 4.0
    assert at[1000] == 4.0, "where nothing ends the value stays"


def test_a_score_is_the_mean_of_the_last_hundred_episodes():
    table = episodes(*((i, float(i)) for i in range(300)))
    assert score(table) == np.mean(range(200, 300))
    assert score(table.head(3)) == 1.0
    assert np.isnan(score(table.head(0)))
    assert np.isnan(score(episodes((1, 5.0), (2, np.nan)))), "a return that is no number is not passed over"


def run(study, status, table):
    cell = study.cells[0]
    return FinishedRun(dataclasses.replace(cell, steps=1000), 0, {"status": status}, table)


def test_the_curve_of_a_diverged_run_ends_where_the_run_did(quick):
    table = episodes((100, 1.0), (500, 2.0))
    whole, broken = (curve_of(run(quick, s, table)).set_index("step")["return"] for s in ("finished", "diverged"))
    assert whole[1000] == 2.0
    assert broken[500] == 2.0
    assert broken.loc[510:].isna().all()
    assert curve_of(run(quick, "diverged", table.head(0)))["return"].isna().all()


def write(root, study, end="terminated"):
    for cell in study.cells:
        for seed in cell.seeds:
            folder = root / cell.folder(seed)
            folder.mkdir(parents=True)
            (folder / "run.json").write_text(json.dumps({"status": "finished"}))
            rows = {"step": [5, 9], "return": [1.0, 2.0], "length": [5, 4], "end": ["truncated", end]}
            pd.DataFrame(rows).to_parquet(folder / "episodes.parquet")


def test_an_episode_that_the_budget_cut_is_in_no_statistic(quick, tmp_path):
    write(tmp_path, quick, end="cut")
    runs = list(read_runs(quick, tmp_path))
    assert len(runs) == len(quick.cells) * len(quick.seeds)
    assert all(list(r.episodes["return"]) == [1.0] for r in runs)


@pytest.mark.parametrize("damage", ["gone", "empty", "garbled"])
def test_a_run_that_cannot_be_read_is_named_with_what_to_do(quick, tmp_path, damage):
    write(tmp_path, quick)
    path = tmp_path / quick.cells[3].folder(1) / "episodes.parquet"
    path.unlink() if damage == "gone" else path.write_bytes(b"" if damage == "empty" else b"PAR1 nonsense PAR1")
    with pytest.raises(
        UsageError, match=r"no readable run of ppo_clip on InvertedPendulum, seed 1 .* delete results/runs"
    ):
        list(read_runs(quick, tmp_path))
    shutil.rmtree(path.parent)
    with pytest.raises(UsageError, match=r"seed 1 .*; first run: snakemake --cores 2 quick"):
        list(read_runs(quick, tmp_path))


def test_the_interval_is_reproducible_and_spans_two_seeds():
    two = np.array([[1.0, 5.0], [3.0, 5.0]])
    low, high = bootstrap(two)
    assert (low == [1.0, 5.0]).all()
    assert (high == [3.0, 5.0]).all()
    many = np.random.default_rng(1).standard_normal((200, 1))
    low, high = bootstrap(many)
    assert bootstrap(many)[0] == low
    assert high - low == pytest.approx(2 * 1.96 / np.sqrt(200), rel=0.15)
    assert low < many.mean() < high


def test_published_curves_stand_behind_the_methods_that_name_them(quick):
    curves = paper_curves(quick)
    assert set(curves) == {(task, method) for task in quick.tasks for method in ("trpo", "ppo_clip")}
    assert curves["Hopper", "ppo_clip"]["timestep"].max() == quick.steps, "as far as the budget goes"
    assert paper_curves(dataclasses.replace(quick, steps=9_999)) == {}, "a point is no curve"
    hopper = published_curves(quick)["ppo_paper", "Hopper", "ppo_clip"].set_index("timestep")["return_mean"]
    assert len(hopper) == 101
    # published/README.md, "Anchors at 1M steps": the last tenth of PPO's curve on Hopper is 2129.
    assert hopper.loc[900_000:].mean() == pytest.approx(2129, rel=0.01)


def test_a_source_may_mean_another_method_by_a_name():
    methods = {
        "trpo": {"published": {"baselines": "TRPO"}},
        "old": {"algo": "trpo", "published": {"ppo_paper": "TRPO"}},
    }
    entry = {"tasks": ["Hopper"], "seeds": 2, "steps": 60_000, "methods": methods}
    study = make_study("made", entry, read_config(ROOT / "envs.yaml"))
    assert set(published_curves(study)) == {("baselines", "Hopper", "trpo"), ("ppo_paper", "Hopper", "old")}
    assert set(paper_curves(study)) == {("Hopper", "old")}


def test_a_file_of_several_sources_is_read_once(quick, monkeypatch):
    seen = []
    monkeypatch.setattr(published, "read_data", lambda *args: seen.append(args[0].file) or read_data(*args))
    assert len({key[0] for key in published_curves(quick)}) == len(sources())
    assert len(seen) == len(set(seen)) == 5


def tables(study, diverged=()):
    grid = study.steps * np.arange(1, 101) // 100
    curves, scores = [], []
    for i, cell in enumerate(study.cells):
        for seed in cell.seeds:
            bad = (cell.method.name, seed) in diverged
            values = np.where(grid > study.steps / 2, np.nan if bad else i, i) + seed
            name = {"task": cell.task, "method": cell.method.name, "seed": seed}
            curves.append(pd.DataFrame({"step": grid, "return": values}).assign(**name))
            scores.append(name | {"score": float(i), "status": "diverged" if bad else "finished"})
    return pd.concat(curves), pd.DataFrame(scores)


def texts(figure):
    return [t.get_text() for t in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def test_a_figure_has_a_panel_a_task_every_method_and_a_caption(quick):
    figure = draw(quick, *tables(quick))
    panels = [axis for axis in figure.get_axes() if axis.get_visible()]
    assert [axis.get_title() for axis in panels] == ["InvertedPendulum-v4", "Hopper-v4"]
    words = texts(figure)
    assert set(quick.methods) <= set(words)
    assert "same colour, dashed: PPO paper, Figure 3" in words
    caption = next(text for text in words if text.startswith("Gymnasium")).replace("\n", " ")
    assert caption.startswith("Gymnasium InvertedPendulum-v4, Hopper-v4; 2 seeds, 60,000 steps each. Thick: mean")
    assert "of the training episodes that ended in the 2 % of the budget before it" in caption
    assert "PPO paper (arXiv 1707.06347) Figure 3" in caption
    # A mean for each method, a thin line for each of its seeds, and the two published curves.
    for axis in panels:
        assert len([line for line in axis.lines if line.get_linestyle() == "-"]) == 5 * (1 + 2)
        assert len([line for line in axis.lines if line.get_linestyle() != "-"]) == 2


def test_the_caption_promises_no_band_of_a_single_seed(quick):
    curves, scores = tables(dataclasses.replace(quick, cells=[dataclasses.replace(c, seeds=(0,)) for c in quick.cells]))
    caption = " ".join(
        next(text for text in texts(draw(quick, curves, scores)) if text.startswith("Gymnasium")).split()
    )
    assert "1 seed, 60,000 steps each. Lines: a single seed each." in caption
    assert "band" not in caption


def test_no_word_of_a_large_figure_is_cut(quick):
    envs = read_config(ROOT / "envs.yaml")
    long = {f"m{i}": {"algo": "trpo", "label": f"a label of some length {i}", "published": "TRPO"} for i in range(11)}
    entry = {"tasks": list(envs)[:7], "seeds": 1, "steps": 1_000_000, "methods": long}
    for study in (quick, make_study("large", entry, envs)):
        figure = draw(study, *tables(study))
        figure.draw_without_rendering()
        whole = figure.bbox
        for text in figure.findobj(plt.Text):
            box = text.get_window_extent()
            if text.get_text() and text.get_visible() and text.axes is None:
                assert whole.x0 <= box.x0 <= box.x1 <= whole.x1, text.get_text()
                assert whole.y0 <= box.y0 <= box.y1 <= whole.y1, text.get_text()


def test_diverged_runs_are_counted_in_the_legend_and_marked_in_the_panel(quick):
    words = texts(draw(quick, *tables(quick)))
    assert not any("runs finished" in text for text in words)
    figure = draw(quick, *tables(quick, diverged={("trpo", 1)}))
    assert "trpo (2/4 runs finished)" in texts(figure)
    means = [line for axis in figure.get_axes() for line in axis.lines if line.get_linewidth() > 1.1]
    ends = sorted(line.get_xdata()[-1] for line in means if line.get_linestyle() == "-")
    assert ends == [quick.steps / 2] * 2 + [quick.steps] * 8, "no mean over the seeds that are left"
    marks = [line for axis in figure.get_axes() for line in axis.lines if line.get_marker() == "x"]
    assert len(marks) == 2
    assert all(mark.get_xdata()[0] == quick.steps / 2 for mark in marks)


def test_a_method_added_at_the_end_changes_no_other_colour(quick):
    fewer = dataclasses.replace(quick, methods=dict(list(quick.methods.items())[:3]))
    assert colours(fewer).items() <= colours(quick).items()
    assert len(set(colours(quick).values())) == len(quick.methods)
