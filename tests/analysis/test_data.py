"""Runs as they are read, their curves and scores, and what was published."""

import dataclasses
import json
import shutil

import numpy as np
import pandas as pd
import pytest

from analysis.data import published
from analysis.data.published import paper_curves, published_curves, read_data, sources
from analysis.data.runs import FinishedRun, read_runs
from analysis.data.tables import curve_of, learning_curve, score
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
