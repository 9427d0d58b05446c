"""The figure of learning curves, seed by seed."""

import dataclasses

import matplotlib.pyplot as plt
import pytest
from made_up import TASKS, made, tables, words

from analysis.figures.curves import caption, colours, draw


@pytest.fixture
def quick():
    named = {"trpo": {"published": "TRPO"}, "ppo_clip": {"published": "PPO (Clip)"}}
    return made({"pg": None, "npg": {}, **named, "ppo_kl": {}}, ["InvertedPendulum", "Hopper"], 2, 60_000)


def said(figure):
    """The caption as it is drawn."""
    return " ".join(next(text for text in words(figure) if text.startswith("Gymnasium")).split())


def test_a_figure_has_a_panel_a_task_every_method_and_a_caption(quick):
    figure = draw(quick, tables(quick))
    panels = [axis for axis in figure.get_axes() if axis.get_visible()]
    assert [axis.get_title() for axis in panels] == ["InvertedPendulum-v4", "Hopper-v4"]
    assert set(quick.methods) <= set(words(figure))
    assert "same colour, dashed: PPO paper, Figure 3" in words(figure)
    text = said(figure)
    assert text == caption(quick, tables(quick))
    assert text.startswith("Gymnasium InvertedPendulum-v4, Hopper-v4; 2 seeds, 60,000 steps each. Thick: mean")
    assert "of the training episodes that ended in the 2 % of the budget before it" in text
    assert "PPO paper (arXiv 1707.06347) Figure 3" in text
    # A mean for each method, a thin line for each of its seeds, and the two published curves.
    for axis in panels:
        assert len([line for line in axis.lines if line.get_linestyle() == "-"]) == 5 * (1 + 2)
        assert len([line for line in axis.lines if line.get_linestyle() != "-"]) == 2


def test_the_caption_promises_no_band_of_a_single_seed(quick):
    one = dataclasses.replace(quick, cells=[dataclasses.replace(cell, seeds=(0,)) for cell in quick.cells])
    text = said(draw(quick, tables(one)))
    assert "1 seed, 60,000 steps each. Lines: a single seed each." in text
    assert "band" not in text


def test_no_word_of_a_large_figure_is_cut(quick):
    long = {f"m{i}": {"algo": "trpo", "label": f"a label of some length {i}", "published": "TRPO"} for i in range(11)}
    for study in (quick, made(long, TASKS, 1)):
        figure = draw(study, tables(study))
        figure.draw_without_rendering()
        whole = figure.bbox
        for text in figure.findobj(plt.Text):
            box = text.get_window_extent()
            if text.get_text() and text.get_visible() and text.axes is None:
                assert whole.x0 <= box.x0 <= box.x1 <= whole.x1, text.get_text()
                assert whole.y0 <= box.y0 <= box.y1 <= whole.y1, text.get_text()


def test_diverged_runs_are_counted_in_the_legend_and_marked_in_the_panel(quick):
    assert not any("runs finished" in text for text in words(draw(quick, tables(quick))))
    figure = draw(quick, tables(quick, diverged={("trpo", 1)}))
    assert "trpo (2/4 runs finished)" in words(figure)
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
