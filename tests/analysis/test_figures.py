"""Figures of the statistics: nothing is cut, colours stay, grey readers and empty studies are served."""

import dataclasses
import itertools

import matplotlib.colors
import matplotlib.pyplot as plt
import numpy as np
import pytest
from made_up import TASKS, every_figure, made, module, tables, words

from analysis.data.products import figures, figures_of, statistics
from analysis.data.words import finished_label
from analysis.figures import figure3
from analysis.figures.style import LINES, looks, page
from analysis.statistics import tables as comparisons
from study.plan import load_studies

SURROGATES = {
    f"clip_{i}": {
        "algo": "ppo_clip",
        "epsilon": i / 10,
        "row": f"clipping 0.{i}",
        "label": f"a clipping of some length, {i}",
    }
    for i in (1, 2, 3)
}
LARGE = SURROGATES | {
    "trpo": {"published": "TRPO"},
    "a2c": {"published": "A2C"},
    "cem": {"published": "CEM"},
    "pg_adaptive": {"published": "Vanilla PG, Adaptive"},
    "a_name_as_long_as_they_come": {"algo": "ppo_clip", "published": "PPO (Clip)"},
}


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
@pytest.mark.parametrize("name", sorted(figures_of(made(LARGE)).keys() - {"curves"}))  # which has a test of its own
def test_no_word_is_cut_and_none_lies_on_another(name, part):
    study = dataclasses.replace(made(LARGE), title="A title that is as long as titles of studies tend to be")
    if part:
        study = dataclasses.replace(study, name="made/so_far", part_of=study)
    with page():
        figure = module(name).draw(study, tables(study, diverged={("trpo", 1)}))
        figure.draw_without_rendering()
        renderer = figure.canvas.get_renderer()
        hidden = out_of_view(figure)
        seen = [t for t in figure.findobj(plt.Text) if t.get_text().strip() and t.get_visible()]
        seen = [t for t in seen if t not in hidden and (t.axes is None or t.axes.get_visible())]
        boxes = [(t.get_text(), t.get_window_extent(renderer), t.get_rotation() == 45) for t in seen]
        for text, box, _ in boxes:
            assert figure.bbox.x0 - 1 <= box.x0 <= box.x1 <= figure.bbox.x1 + 1, text
            assert figure.bbox.y0 - 1 <= box.y0 <= box.y1 <= figure.bbox.y1 + 1, text
        for (one, a, slanted), (two, b, _) in itertools.combinations(boxes, 2):
            width = min(a.x1, b.x1) - max(a.x0, b.x0)
            height = min(a.y1, b.y1) - max(a.y0, b.y0)
            assert width < 2 or height < 2 or slanted, (one, two)
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
    made_up = tables(study, diverged={("trpo", 1), ("clip_2", 0)})
    assert finished_label(study, "npg", made_up["runs"]) == "npg"
    for label, figure in every_figure(study, made_up):
        name = "a clipping of some length, 2" if label == "table1" else "trpo"
        assert any(word.startswith(f"{name} (14/21") for word in words(figure)), label
        plt.close(figure)


def test_a_run_below_an_untrained_policy_does_not_flatten_the_rest():
    study = made({"trpo": {}, "npg": {}}, tasks=["Hopper"])
    made_up = tables(study)
    made_up["curves"].loc[made_up["curves"]["method"] == "npg", "return"] = -50_000.0
    axis = figure3.draw(study, made_up).get_axes()[0]
    assert axis.get_ylim()[0] > -100
    plt.close("all")


def test_where_all_are_below_an_untrained_policy_all_are_seen():
    study = made({"trpo": {}, "npg": {}}, tasks=["Hopper"])
    made_up = tables(study)
    place = made_up["curves"]["method"].map(list(study.methods).index)
    made_up["curves"]["return"] = -3000 + 1000 * place + 500 * made_up["curves"]["step"] / study.steps
    made_up["runs"]["last_100"] = -2000.0 + made_up["runs"]["seed"]
    with page():
        for name in ("figure3", "cost"):
            axis = module(name).draw(study, made_up).get_axes()[0]
            low, high = axis.get_ylim()
            assert low < -2990 and high > -1500, name
    assert figure3.limits(np.array([[-3000.0, -1500.0]]), 16.0)[1] > 16, "with the untrained policy in sight"
    plt.close("all")


def test_a_curve_of_the_paper_has_the_colour_of_the_method_that_stands_for_it():
    methods = {"trpo": {"published": {"baselines": "TRPO"}}}
    frozen = {"algo": "trpo", "log_std": "frozen", "colour": "#F2A07B"}
    methods["trpo_frozen"] = frozen | {"published": {"ppo_paper": "TRPO"}}
    study = made(methods, tasks=["Hopper"])
    _, paper = figure3.draw(study, tables(study)).get_axes()
    assert [line.get_color() for line in paper.lines] == ["#F2A07B"]
    plt.close("all")


def test_the_paper_is_drawn_below_ours_on_the_same_axes():
    study = made({"trpo": {"published": "TRPO"}}, tasks=TASKS[:2])
    ours, ours2, paper, paper2 = figure3.draw(study, tables(study)).get_axes()
    assert ours.get_title() == "HalfCheetah-v4" and paper.get_title() == "HalfCheetah"
    assert ours.get_ylim() == paper.get_ylim() and ours2.get_ylim() == paper2.get_ylim()
    assert len(paper.lines) == 1
    study = made({"trpo": {}}, tasks=TASKS[:2])
    assert len(figure3.draw(study, tables(study)).get_axes()) == 2, "none of it where no method is the paper's"
    plt.close("all")


def test_only_tasks_that_every_method_has_are_compared_across():
    study = made({"trpo": {}, "npg": {}}, tasks=TASKS[:3])
    runs = tables(study)["runs"]
    some = runs[~((runs["method"] == "npg") & (runs["task"] == "Hopper"))]
    tasks, scores = comparisons.shared(study, some)
    assert tasks == ["HalfCheetah", "InvertedDoublePendulum"]
    assert [len(x) for x in scores["npg"]] == [3, 3]


def test_where_no_task_is_shared_the_figures_across_tasks_say_so():
    study = made({"trpo": {}, "npg": {}}, tasks=TASKS[:3])
    made_up = tables(study)
    runs = made_up["runs"]
    made_up["runs"] = apart = runs[(runs["method"] == "npg") == (runs["task"] == "Hopper")]
    assert comparisons.shared(study, apart) == ([], {})
    assert all(made_up[name].empty for name in ("aggregates", "profiles", "improvement", "ranking"))
    for name in ("aggregates", "profiles", "improvement"):
        assert [text for text in words(module(name).draw(study, made_up)) if "compare" in text], name
        assert "Gymnasium HalfCheetah-v4, Hopper-v4, Inverted" in module(name).caption(study, made_up)
    plt.close("all")


def test_single_runs_get_no_interval():
    study = made({"trpo": {}, "npg": {}}, tasks=["Hopper"], seeds=1)
    made_up = tables(study)
    assert made_up["aggregates"][["low", "high"]].isna().all(axis=None)
    for name in ("improvement", "profiles", "efficiency"):
        assert made_up[name][["low", "high"]].isna().all(axis=None)
        assert made_up[name].drop(columns=["low", "high"]).notna().all(axis=None)
    ranking, efficiency = made_up["ranking"], made_up["efficiency"]
    assert ranking[["low", "high", "p1", "p2"]].isna().all(axis=None)
    assert ranking["rank"].tolist() == [1, 2]
    with page():
        _, right = module("profiles").draw(study, made_up).get_axes()
        assert right.get_ylim()[0] <= efficiency["iqm"].min() < efficiency["iqm"].max() <= right.get_ylim()[1]
        _, right = module("improvement").draw(study, made_up).get_axes()
    assert right.get_title() == "rank by IQM (single runs: not how sure)"
    assert not any(text.get_text() for text in right.texts), "no probabilities"
    assert np.asarray(right.collections[0].get_array()).tolist() == [[1, 0], [0, 1]], "the ranks themselves"
    plt.close("all")
    assert made_up["cells"][["low", "high", "deviation"]].isna().all(axis=None)
    assert made_up["differences"]["welch_p"].isna().all()


@pytest.mark.parametrize("name", figures())
def test_a_figure_says_in_a_sentence_what_it_is(name):
    about = figures()[name].makes[name]
    assert about == module(name).ABOUT and about.endswith(".") and about[0].isupper()


@pytest.mark.parametrize("name", statistics())
def test_a_module_makes_the_tables_that_it_names(name):
    study = made({"trpo": {"published": "TRPO"}} | SURROGATES, tasks=["Hopper"])
    if statistics()[name].has(study):
        assert all(not tables(study)[table].empty for table in statistics()[name].makes)
