"""Figures of the statistics: nothing is cut, colours stay, grey readers and empty studies are served."""

import dataclasses
import itertools

import matplotlib.colors
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from analysis.data.scores import against_the_best, filled_curves
from analysis.figures import figure3, figures, verdict_map
from analysis.figures import figure3_overlay as overlay
from analysis.figures.style import LINES, finished_label, looks, page
from analysis.statistics import table1
from analysis.statistics import tables as statistics
from analysis.statistics.verdict import summarise, tabulate
from study.config import read_config
from study.plan import ROOT, load_studies, make_study

ENVS = read_config(ROOT / "envs.yaml")
TASKS = ["HalfCheetah", "Hopper", "InvertedDoublePendulum", "InvertedPendulum", "Reacher", "Swimmer", "Walker2d"]
SURROGATES = {
    f"clip_{i}": {"algo": "ppo_clip", "row": f"clipping 0.{i}", "label": f"a clipping of some length, {i}"}
    for i in (1, 2, 3)
}
LARGE = SURROGATES | {
    "trpo": {"published": "TRPO"},
    "a2c": {"published": "A2C"},
    "cem": {"published": "CEM"},
    "pg_adaptive": {"published": "Vanilla PG, Adaptive"},
    "a_name_as_long_as_they_come": {"algo": "ppo_clip", "published": "PPO (Clip)"},
}


def made(methods, tasks=TASKS, seeds=3):
    return make_study("made", {"tasks": tasks, "seeds": seeds, "steps": 1_000_000, "methods": methods}, ENVS)


def tables(study, diverged=()):
    """runs and filled curves of made-up runs: each method rises to its own height."""
    grid = study.steps * np.arange(1, 101) // 100
    rows, curves = [], []
    for place, cell in enumerate(study.cells):
        untrained = study.tasks[cell.task].random_score
        for seed in cell.seeds:
            bad = (cell.method.name, seed) in diverged
            top = untrained if bad else untrained + 100 + 10 * (place % 7) + 3 * seed
            name = {"task": cell.task, "method": cell.method.name, "seed": seed}
            curves.append(pd.DataFrame({"step": grid, "return": np.linspace(untrained, top, 100)}).assign(**name))
            scores = dict.fromkeys(("last_100", "last_tenth", "area", "maximum", "sampled", "deterministic"), top)
            scores |= {"sampled_spread": 1.0, "deterministic_spread": 1.0, "episodes_each": 5}
            cost = {"wall_seconds": 60.0 + place, "steps_per_second": 1e4, "peak_memory_mb": 400.0, "compiled": True}
            rows.append(name | {"status": "diverged" if bad else "finished"} | scores | cost | {"cpu": "some CPU"})
    untrained = {task: entry.random_score for task, entry in study.tasks.items()}
    curves, runs = pd.concat(curves), pd.DataFrame(rows)
    return against_the_best(runs, curves, untrained), filled_curves(curves, runs, untrained)


def every_figure(study, runs, curves):
    """All figures of the statistics, by name."""
    tasks, scores = statistics.shared(study, runs)
    aggregates, replicates = statistics.aggregates(scores)
    ranking = statistics.ranking(replicates, scores)
    efficiency = statistics.efficiency(study, tasks, runs, curves)
    verdict = tabulate(study, runs, curves)
    yield "figure3", figure3.draw(study, runs, curves)
    yield "aggregates", figures.draw_aggregates(study, runs, aggregates)
    yield "profiles", figures.draw_profiles(study, runs, statistics.profiles(scores), efficiency)
    yield "improvement", figures.draw_improvement(study, runs, statistics.improvement(scores), ranking)
    yield "cost", figures.draw_cost(study, runs, curves)
    yield "figure3_overlay", overlay.draw(study, runs, curves)
    yield "verdict", verdict_map.draw(study, runs, verdict, summarise(verdict))
    found, _, summary = table1.tabulate(table1.paper_scores(study), scores)
    yield "table1", table1.draw(study, runs, found, summary)


def out_of_view(figure):
    """Labels of ticks that are not drawn: matplotlib keeps them where they would be."""
    labels = set()
    for axes in figure.findobj(plt.Axes):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            margin = 1e-9 * (high - low)
            labels |= {t.label1 for t in axis.majorTicks if not low - margin <= t.get_loc() <= high + margin}
    return labels


@pytest.mark.long
@pytest.mark.parametrize("part", [False, True], ids=["whole", "so far"])
def test_no_word_is_cut_and_none_lies_on_another(part):
    study = dataclasses.replace(made(LARGE), title="A title that is as long as titles of studies tend to be")
    if part:
        study = dataclasses.replace(study, name="made/so_far", part_of=study)
    runs, curves = tables(study, diverged={("trpo", 1)})
    with page():
        for label, figure in every_figure(study, runs, curves):
            figure.draw_without_rendering()
            renderer = figure.canvas.get_renderer()
            hidden = out_of_view(figure)
            words = [t for t in figure.findobj(plt.Text) if t.get_text().strip() and t.get_visible()]
            words = [t for t in words if t not in hidden and (t.axes is None or t.axes.get_visible())]
            boxes = [(t.get_text(), t.get_window_extent(renderer), t.get_rotation() == 45) for t in words]
            for text, box, _ in boxes:
                assert figure.bbox.x0 - 1 <= box.x0 <= box.x1 <= figure.bbox.x1 + 1, (label, text)
                assert figure.bbox.y0 - 1 <= box.y0 <= box.y1 <= figure.bbox.y1 + 1, (label, text)
            for (one, a, slanted), (two, b, _) in itertools.combinations(boxes, 2):
                width = min(a.x1, b.x1) - max(a.x0, b.x0)
                height = min(a.y1, b.y1) - max(a.y0, b.y0)
                assert width < 2 or height < 2 or slanted, (label, one, two)
            plt.close(figure)


def lightness(colour):
    """CIE L*, which is what is left in grey."""
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in matplotlib.colors.to_rgb(colour)
    )
    return 116 * np.cbrt(0.2126 * red + 0.7152 * green + 0.0722 * blue) - 16


@pytest.mark.parametrize("study", [s for s in load_studies().values() if not s.sweeps], ids=lambda study: study.name)
def test_the_methods_of_a_study_are_told_apart_in_grey_too(study):
    look = looks(study)
    for one, two in itertools.combinations(look, 2):
        (a, line_a), (b, line_b) = look[one], look[two]
        assert a != b
        assert line_a != line_b or abs(lightness(a) - lightness(b)) > 5, (one, two)


def test_a_method_looks_the_same_with_whatever_else():
    trpo = {"trpo": {"colour": "#D55E00", "line": "dotted"}}
    one, two = made(trpo | {"npg": {}}), made({"cem": {}, "npg": {}} | trpo)
    assert looks(one)["trpo"] == looks(two)["trpo"] == ("#D55E00", LINES["dotted"])
    more = made({"cem": {}, "npg": {}, "yours": {"algo": "pg"}} | trpo)
    assert looks(two).items() <= looks(more).items()
    few = dataclasses.replace(more, methods={"yours": more.methods["yours"]}, part_of=more)
    assert looks(few)["yours"] == looks(more)["yours"], "also while others have no run yet"
    many = looks(made({f"m{i}": {"algo": "npg"} for i in range(30)}))
    assert len(set(map(str, many.values()))) == 30


def test_runs_that_diverged_are_counted_in_every_legend():
    study = made({"trpo": {"published": "TRPO"}, "npg": {}} | SURROGATES)
    runs, curves = tables(study, diverged={("trpo", 1), ("clip_2", 0)})
    assert finished_label(study, "npg", runs) == "npg"
    for label, figure in every_figure(study, runs, curves):
        words = [text.get_text() for text in figure.findobj(plt.Text)]
        name = "a clipping of some length, 2" if label == "table1" else "trpo"
        assert any(word.startswith(f"{name} (14/21)") for word in words), label
        plt.close(figure)


def test_a_run_below_an_untrained_policy_does_not_flatten_the_rest():
    study = made({"trpo": {}, "npg": {}}, tasks=["Hopper"])
    runs, curves = tables(study)
    curves.loc[("Hopper", "npg"), :] = -50_000.0
    axis = figure3.draw(study, runs, curves).get_axes()[0]
    assert axis.get_ylim()[0] > -100
    plt.close("all")


def test_where_all_are_below_an_untrained_policy_all_are_seen():
    study = made({"trpo": {}, "npg": {}}, tasks=["Hopper"])
    runs, curves = tables(study)
    steps = np.array(curves.columns)
    for place, method in enumerate(study.methods):
        curves.loc[("Hopper", method), :] = -3000 + 1000 * place + 500 * steps / steps.max()
    runs["last_100"] = -2000.0 + runs["seed"]
    with page():
        for draw in (figure3.draw, figures.draw_cost):
            axis = draw(study, runs, curves).get_axes()[0]
            low, high = axis.get_ylim()
            assert low < -2990 and high > -1500, draw
    assert figure3.limits(np.array([[-3000.0, -1500.0]]), 16.0)[1] > 16, "with the untrained policy in sight"
    plt.close("all")


def test_a_curve_of_the_paper_has_the_colour_of_the_method_that_stands_for_it():
    methods = {"trpo": {"published": {"baselines": "TRPO"}}}
    frozen = {"algo": "trpo", "log_std": "frozen", "colour": "#F2A07B"}
    methods["trpo_frozen"] = frozen | {"published": {"ppo_paper": "TRPO"}}
    study = made(methods, tasks=["Hopper"])
    _, paper = figure3.draw(study, *tables(study)).get_axes()
    assert [line.get_color() for line in paper.lines] == ["#F2A07B"]
    plt.close("all")


def test_the_paper_is_drawn_below_ours_on_the_same_axes():
    study = made({"trpo": {"published": "TRPO"}}, tasks=TASKS[:2])
    runs, curves = tables(study)
    ours, ours2, paper, paper2 = figure3.draw(study, runs, curves).get_axes()
    assert ours.get_title() == "HalfCheetah-v4" and paper.get_title() == "HalfCheetah"
    assert ours.get_ylim() == paper.get_ylim() and ours2.get_ylim() == paper2.get_ylim()
    assert len(paper.lines) == 1
    runs, curves = tables(study := made({"trpo": {}}, tasks=TASKS[:2]))
    assert len(figure3.draw(study, runs, curves).get_axes()) == 2, "none of it where no method is the paper's"
    plt.close("all")


def test_only_tasks_that_every_method_has_are_compared_across():
    study = made({"trpo": {}, "npg": {}}, tasks=TASKS[:3])
    runs, _ = tables(study)
    some = runs[~((runs["method"] == "npg") & (runs["task"] == "Hopper"))]
    tasks, scores = statistics.shared(study, some)
    assert tasks == ["HalfCheetah", "InvertedDoublePendulum"]
    assert [len(x) for x in scores["npg"]] == [3, 3]
    apart = runs[(runs["method"] == "npg") == (runs["task"] == "Hopper")]
    tasks, scores = statistics.shared(study, apart)
    assert (tasks, scores) == ([], {})
    assert statistics.aggregates(scores)[0].empty
    assert statistics.profiles(scores).empty
    assert statistics.ranking({}, scores).empty


def test_single_runs_get_no_interval():
    study = made({"trpo": {}, "npg": {}}, tasks=["Hopper"], seeds=1)
    runs, curves = tables(study)
    tasks, scores = statistics.shared(study, runs)
    table, replicates = statistics.aggregates(scores)
    assert table[["low", "high"]].isna().all(axis=None)
    improvement, profiles = statistics.improvement(scores), statistics.profiles(scores)
    efficiency = statistics.efficiency(study, tasks, runs, curves)
    for found in (improvement, profiles, efficiency):
        assert found[["low", "high"]].isna().all(axis=None)
        assert found.drop(columns=["low", "high"]).notna().all(axis=None)
    ranking = statistics.ranking(replicates, scores)
    assert ranking[["low", "high", "p1", "p2"]].isna().all(axis=None)
    assert ranking["rank"].tolist() == [1, 2]
    with page():
        _, right = figures.draw_profiles(study, runs, profiles, efficiency).get_axes()
        assert right.get_ylim()[0] <= efficiency["iqm"].min() < efficiency["iqm"].max() <= right.get_ylim()[1]
        _, right = figures.draw_improvement(study, runs, improvement, ranking).get_axes()
    assert right.get_title() == "rank by IQM (single runs: not how sure)"
    assert not any(text.get_text() for text in right.texts), "no probabilities"
    assert np.asarray(right.collections[0].get_array()).tolist() == [[1, 0], [0, 1]], "the ranks themselves"
    plt.close("all")
    cells = statistics.cells(runs)
    assert cells[["low", "high", "deviation"]].isna().all(axis=None)
    assert statistics.differences(study, runs)["welch_p"].isna().all()
