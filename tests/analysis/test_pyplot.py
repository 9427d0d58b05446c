"""Figures are the same whatever a user's settings of Matplotlib are, and show a user's words as they are written."""

import dataclasses
import io
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from made_up import every_figure, made, tables, words

from analysis.data.products import figures
from analysis.figures import figure3, sweeps
from analysis.figures.pyplot import mpl, plt, theme
from analysis.figures.style import page
from analysis.page import frames
from study.plan import ROOT

#: One word a line that a user's settings could change: sizes, colours, lines, fonts, how it is written.
SETTINGS = """
backend: {backend}
font.size: 17
font.family: serif
axes.facecolor: EAEAF2
axes.grid: True
axes.prop_cycle: cycler('color', ['red', 'blue'])
lines.linewidth: 5
patch.linewidth: 3
path.simplify: False
savefig.dpi: 33
savefig.bbox: tight
savefig.facecolor: yellow
svg.fonttype: none
text.usetex: True
text.hinting: none
"""
#: Prints the digests of figures of both looks.
DRAWN = """
import hashlib, io, sys, tempfile
from analysis.figures.pyplot import plt, theme
from analysis.figures.style import nothing, page

def digests(figure):
    figure.add_axes((0.1, 0.1, 0.8, 0.8)).plot([1, 2], [3, 5], label="words")
    figure.legend()
    for kind in ("png", "svg"):
        file = io.BytesIO()
        figure.savefig(file, format=kind, metadata={"Date": None} if kind == "svg" else None)
        print(hashlib.sha256(file.getvalue()).hexdigest())

with page():
    digests(nothing("Nothing to compare."))
theme()
digests(nothing("Nothing to compare."))
print(plt.get_backend())
"""
#: A title and labels with what Matplotlib reads as mathematics: unfinished, unknown, and sound.
TITLE = "Costs $5 and $x_1^"
LABELS = [r"NPG, $\eps$ 0.01", r"$x^2$ at \$1", "one $", "$a$ and $b$"]


def drawn(cwd, **env):
    kept = {name: value for name, value in os.environ.items() if not re.match("MPL|MATPLOTLIB|XDG|FREETYPE", name)}
    command = [sys.executable, "-W", "error", "-c", DRAWN]
    return subprocess.check_output(command, cwd=cwd, env=kept | {"PYTHONPATH": str(ROOT)} | env, text=True)


def settings(folder, backend="Agg"):
    folder.mkdir(parents=True)
    (folder / "matplotlibrc").write_text(SETTINGS.format(backend=backend))
    return str(folder)


@pytest.mark.long
def test_a_users_settings_reach_no_figure(tmp_path):
    plain = drawn(ROOT)
    assert plain.split()[-1].lower() == "agg"
    by_variable = {
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MATPLOTLIBRC": settings(tmp_path / "rc", "TkAgg"),
        "MPLCONFIGDIR": settings(tmp_path / "config"),
        "FREETYPE_PROPERTIES": "autofitter:no-stem-darkening=0 truetype:interpreter-version=35",
    }
    (tmp_path / "config" / "stylelib").mkdir()
    (tmp_path / "config" / "stylelib" / "mine.mplstyle").write_bytes(b"font.size: 30 # \xff")
    assert drawn(ROOT, **by_variable) == plain
    home, xdg = tmp_path / "home", tmp_path / "xdg"
    settings(home / ".config" / "matplotlib"), settings(home / ".matplotlib"), settings(xdg / "matplotlib")
    here = settings(tmp_path / "here")  # where the program is called
    assert drawn(here, MPLBACKEND="no_backend", HOME=str(home), XDG_CONFIG_HOME=str(xdg)) == plain
    assert drawn(ROOT, MPLBACKEND="TkAgg", HOME=str(home)) == plain


def test_the_font_is_the_one_that_matplotlib_brings():
    with page():
        assert mpl.rcParams["font.sans-serif"] == ["DejaVu Sans"], "seaborn's first is Arial, where there is one"
    theme()
    assert mpl.rcParams["font.sans-serif"] == ["DejaVu Sans"]
    assert mpl.rcParams["font.family"] == ["sans-serif"]


def test_what_was_set_before_is_gone():
    with mpl.rc_context({"savefig.dpi": 33, "text.usetex": True, "svg.hashsalt": "other"}):
        with page():
            assert [mpl.rcParams[name] for name in ("savefig.dpi", "text.usetex")] == ["figure", False]
            assert mpl.rcParams["svg.hashsalt"] == "stepsize"
        assert mpl.rcParams["savefig.dpi"] == 33, "and comes back"
        theme()
        assert [mpl.rcParams[name] for name in ("savefig.dpi", "text.usetex")] == ["figure", False]
        assert mpl.rcParams["svg.hashsalt"] == "stepsize"


def dollars(figure):
    """Each text of a figure as its SVG names it, with how many dollars are drawn for it (the font's glyph 7)."""
    file = io.StringIO()
    figure.savefig(file, format="svg")
    plt.close(figure)
    parts = re.findall(r"<!-- (.*?) -->(.*?)(?=<!--|\Z)", file.getvalue(), re.DOTALL)
    return [(text, len(re.findall(r'<use xlink:href="#[A-Za-z-]+-7"', drawing))) for text, drawing in parts]


def all_figures():
    """Every kind of figure that shows a label or a title, by name, with the words that it must show."""
    methods = {f"clip_{i}": {"algo": "ppo_clip", "epsilon": i / 10, "row": f"clipping 0.{i}"} for i in (1, 2, 3)} | {
        "trpo": {"published": "TRPO"}
    }
    methods["clip_3"]["published"] = "PPO (Clip)"
    for method, label in zip(methods.values(), LABELS, strict=True):
        method["label"] = label
    study = dataclasses.replace(made(methods, tasks=["Hopper", "Reacher"]), title=TITLE)
    made_up = tables(study, diverged={("trpo", 1)}, mixed="overrides A=$1 (1 run), B=$2 (1 run)")
    part = dataclasses.replace(study, name="made/so_far", part_of=study)
    only = {"figure3_overlay": LABELS[2:], "verdict": LABELS[2:], "table1": LABELS[:3]}  # of the paper's methods
    only["curves"] = [TITLE, *LABELS]
    for name, figure in every_figure(study, made_up):
        yield name, only.get(name, LABELS), figure
    for name, figure in every_figure(part, made_up):
        yield name, [TITLE], figure
    with page():
        pictures = {(c.task, c.method.name): frames.Picture(np.zeros((9, 12, 3), np.uint8), None) for c in study.cells}
        yield "frames", LABELS, frames.draw(study, pictures, made_up["runs"])
    lines = {
        f"line{i}": {"algo": "npg", "label": label, "sweep": {"max_kl": [0.01, 0.1]}} for i, label in enumerate(LABELS)
    }
    swept = dataclasses.replace(made(lines, tasks=["Hopper"]), title=TITLE)
    rows = [
        (c.task, c.method.swept.line, c.method.swept.label, "ε", c.method.swept.value, 100.0, "finished", 0.01)
        for c in swept.cells
    ]
    table = pd.DataFrame(rows, columns=["task", "line", "label", "option", "value", "score", "status", "kl"])
    yield (
        "sweeps",
        [TITLE, *LABELS, *(f"{label}: ε" for label in LABELS)],
        sweeps.draw(swept, {"sweeps": table, "mixed": "$1, $2"}),
    )


@pytest.mark.long
def test_a_dollar_in_a_label_or_a_title_is_a_dollar():
    seen = set()
    for name, expected, figure in all_figures():
        found = dollars(figure)
        for word in expected:
            assert any(text.startswith(word) for text, _ in found), (name, word)
        for text, count in found:
            if "mathdefault" not in text:  # which is the ticks' of a logarithmic axis
                assert count == text.count("$"), (name, text)
        seen.add(name)
    assert seen == {*figures(), "frames"}


@pytest.mark.parametrize("label", ["_first", "a_b", "<script>", "two\nlines", "# & %"])
def test_other_signs_are_drawn_as_they_are(label):
    study = made({"npg": {"label": label}}, tasks=["Hopper"])
    with page():
        figure = figure3.draw(study, tables(study))
        assert label in words(figure)
    plt.close(figure)
