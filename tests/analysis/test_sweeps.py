"""Studies that sweep the values of an option: their plan, table and figure."""

import dataclasses
import shutil

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from analysis.data.products import figures_of, tables_of
from analysis.figures import drawing
from analysis.figures.sweeps import draw
from analysis.statistics import sweeps
from analysis.terminal import so_far
from core.errors import UsageError
from study.cells import FILES
from study.config import read_config
from study.plan import ROOT, load_studies, load_study, make_study

ENVS = read_config(ROOT / "envs.yaml")
ENTRY = {
    "title": "Steps",
    "tasks": ["Hopper", "Swimmer"],
    "seeds": 2,
    "steps": 5000,
    "methods": {
        "trpo": {"label": "TRPO", "batch": 512, "sweep": {"max_kl": [0.0001, 0.01]}},
        "clip_step": {"algo": "ppo_clip", "sweep": {"step_size": [1e-5, 1e-3, 1]}},
    },
}


def study(**changes):
    return make_study("steps", ENTRY | changes, ENVS)


def test_a_sweep_makes_a_method_of_each_value():
    methods = study().methods
    assert list(methods) == ["trpo:0.0001", "trpo:0.01", "clip_step:1e-05", "clip_step:0.001", "clip_step:1"]
    assert [m.options["max_kl"] for m in methods.values() if m.algo == "trpo"] == [0.0001, 0.01]
    assert [m.options["step_size"] for m in methods.values() if m.algo == "ppo_clip"] == [1e-5, 1e-3, 1.0]
    assert methods["trpo:0.01"].options["batch"] == 512
    assert methods["trpo:0.01"].label == "TRPO, max_kl 0.01"
    assert methods["trpo:0.01"].swept == ("trpo", "TRPO", "max_kl", 0.01)


def test_a_value_of_a_sweep_is_the_same_run_as_the_option_written_out():
    plain = make_study("plain", ENTRY | {"methods": {"trpo": {"batch": 512, "max_kl": 0.01}}}, ENVS)
    assert study().cell("Hopper", "trpo:0.01").key == plain.cell("Hopper", "trpo").key
    assert not plain.sweeps
    assert study().sweeps


@pytest.mark.parametrize(
    ("methods", "said"),
    [
        ({"trpo": {"max_kl": 1, "sweep": {"max_kl": [1, 2]}}}, "methods.trpo: 'max_kl' is given and swept"),
        ({"trpo": {"sweep": {"max_lk": [1, 2]}}}, "option 'max_lk' is unknown; did you mean 'max_kl'"),
        ({"trpo": {"sweep": {"gamma": [0.9, 2]}}}, "methods.trpo.gamma: 2 is out of range"),
        ({"trpo": {"sweep": {"max_kl": [1, 2]}}, "npg": None}, "methods.npg: needs a sweep"),
    ],
)
def test_a_mistake_in_a_sweep_is_named(methods, said):
    with pytest.raises(UsageError, match=said):
        study(methods=methods)


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ("{max_kl: [0.1]}", "at least two, different, and above 0"),
        ("{max_kl: [1, 1]}", "at least two, different, and above 0"),
        ("{max_kl: [0, 1]}", "above 0"),
        ("{max_kl: 0.1}", "max_kl: the values of a sweep are at least two"),
        ("{max_kl: [1, 2], lam: [1, 2]}", "sweep names one option and its values"),
        ("{}", "sweep names one option and its values"),
    ],
)
def test_a_sweep_of_the_wrong_shape_is_refused(tmp_path, sweep, said):
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    shutil.copy(ROOT / "envs.yaml", tmp_path)
    text = f"steps:\n  tasks: [Hopper]\n  seeds: 1\n  steps: 5000\n  methods:\n    trpo: {{sweep: {sweep}}}\n"
    (tmp_path / "studies.yaml").write_text(text)
    with pytest.raises(UsageError, match=f"methods.trpo.sweep.*{said}"):
        load_studies(tmp_path)


def test_the_study_of_step_sizes_spans_four_orders_of_magnitude_for_each_method():
    steps = load_study("stepsize")
    values = {}
    for method in steps.methods.values():
        values.setdefault((method.algo, method.options.get("optimiser"), method.swept.option), []).append(
            method.swept.value
        )
    assert set(values) == {
        ("pg", "plain", "step_size"),
        ("pg", "adam", "step_size"),
        ("npg", None, "max_kl"),
        ("trpo", None, "max_kl"),
        ("ppo_clip", None, "epsilon"),
        ("ppo_clip", None, "step_size"),
        ("ppo_kl", None, "target"),
    }
    assert all(max(v) / min(v) == pytest.approx(1e4) for v in values.values())
    assert set(steps.tasks) == {"Hopper", "HalfCheetah", "Swimmer"}
    assert len(steps.seeds) >= 2


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """A study with runs that only have updates, and its scores; one run has diverged, one never learned."""
    monkeypatch.setattr(sweeps, "ROOT", tmp_path)
    made = study()
    rows = []
    for i, cell in enumerate(made.cells):
        for seed in cell.seeds:
            folder = tmp_path / cell.folder(seed)
            folder.mkdir(parents=True)
            kl = [] if (i, seed) == (0, 0) else [10.0**-i, 3 * 10.0**-i]
            table = pd.DataFrame({"iteration": range(2), "kl": kl}) if kl else pd.DataFrame({"iteration": []})
            table.to_parquet(folder / "updates.parquet")
            status = "diverged" if (i, seed) == (4, 1) else "finished"
            rows.append((cell.task, cell.method.name, seed, 100.0 * i + seed, status))
    return made, pd.DataFrame(rows, columns=["task", "method", "seed", "score", "status"])


def test_the_table_holds_each_runs_score_value_and_mean_kl(made_up):
    made, scores = made_up
    table = sweeps.tabulate(made, scores.sample(frac=1, random_state=0))
    assert len(table) == len(scores) == 20
    row = table[(table["task"] == "Hopper") & (table["line"] == "clip_step") & (table["value"] == 1e-5)]
    assert list(row["score"]) == [200.0, 201.0]
    assert list(row["kl"]) == pytest.approx([0.02, 0.02])
    assert set(row["option"]) == {"Adam step size"}
    assert np.isnan(table["kl"][0]), "no update, no KL"
    assert (table["status"] == "diverged").sum() == 1


def drawn(study, scores):
    return draw(study, {"sweeps": sweeps.tabulate(study, scores), "mixed": ""})


def test_the_figure_shows_every_line_on_every_task_over_both_axes(made_up):
    made, scores = made_up
    figure = drawn(made, scores)
    axes = figure.get_axes()
    assert len(axes) == 2 * 2 + 2, "task × line, and a panel a task for the KL"
    assert all(axis.get_xscale() == "log" for axis in axes)
    dots = [sum(len(line.get_xdata()) for line in axis.lines if line.get_marker() == "o") for axis in axes]
    assert dots == [4, 5, 4, 6, 8, 10], "finished runs; over the KL not the run without updates"
    crosses = [sum(len(line.get_xdata()) for line in axis.lines if line.get_marker() == "x") for axis in axes]
    assert crosses == [0, 1, 0, 0, 1, 0]
    means = next(line for line in axes[1].lines if line.get_marker() == "None")
    assert list(means.get_xdata()) == [1e-5, 1e-3], "a mean over the seeds that are left would flatter"
    assert list(means.get_ydata()) == [200.5, 300.5]
    texts = " ".join(text.get_text() for part in figure.subfigs for text in part.texts)
    assert "1 of 20 runs, which diverged" in " ".join(texts.split())
    plt.close(figure)


def test_a_score_far_below_the_untrained_one_is_a_triangle_at_the_foot(made_up):
    made, scores = made_up
    scores.loc[0, "score"] = -40_000.0
    figure = drawn(made, scores)
    axes = figure.get_axes()
    triangles = [sum(len(line.get_xdata()) for line in axis.lines if line.get_marker() == "v") for axis in axes]
    assert triangles == [1, 0, 0, 0, 0, 0], "over the KL there is no place for a run without updates"
    best, untrained = 401.0, ENVS["Hopper"]["random_score"]
    low, high = axes[0].get_ylim()
    assert untrained - 0.5 * (best - untrained) < low < untrained
    assert high > best
    plt.close(figure)


def test_scores_that_are_all_below_an_untrained_policy_are_in_sight(made_up):
    made, scores = made_up
    scores["score"] -= 5000.0
    figure = drawn(made, scores)
    hopper = figure.get_axes()[0]
    low, high = hopper.get_ylim()
    assert low < -5000 < -4599 < high
    assert not any(line.get_marker() == "v" for line in hopper.lines), "far below what nothing beats is no place"
    plt.close(figure)


def test_what_is_finished_so_far_is_a_study_of_its_own(tmp_path):
    made = study()
    with pytest.raises(UsageError, match="steps: no run is finished yet; first run: snakemake --cores 2 steps"):
        so_far.finished(made, tmp_path)
    for i, seed in ((0, 1), (2, 0), (2, 1)):
        for name in FILES:
            path = tmp_path / made.cells[i].folder(seed) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    (tmp_path / made.cells[2].folder(1) / "run.json").unlink()
    part = so_far.finished(made, tmp_path)
    assert [(c.task, c.method.name, c.seeds) for c in part.cells] == [
        ("Hopper", "trpo:0.0001", (1,)),
        ("Hopper", "clip_step:1e-05", (0,)),
    ]
    assert (part.name, part.title) == ("steps/so_far", "Steps (so far: 2 of 20 runs)")
    assert (part.seeds, list(part.tasks), list(part.methods)) == (
        (0, 1),
        ["Hopper"],
        ["trpo:0.0001", "clip_step:1e-05"],
    )
    assert part.cells[0].key == made.cells[0].key


def test_a_study_has_this_figure_alone_or_not_at_all():
    assert list(figures_of(study())) == ["sweeps"]
    assert list(tables_of(study())) == ["scores", "runs", "sweeps"]
    plain = dataclasses.replace(study(), methods={})
    said = r"steps does not have the figure sweeps: see wanted\(study\) in analysis/figures/sweeps.py"
    with pytest.raises(UsageError, match=said):
        drawing.make(plain, "sweeps")
