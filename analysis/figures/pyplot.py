"""Matplotlib and seaborn as every figure is drawn with them: no screen, their own defaults, one font.

No other module imports them (``tests/test_layout.py``). A user's settings would end the import (``MPLBACKEND`` with a
backend that is not installed, a style that is no text) or change a figure's bytes (``matplotlibrc``, an installed
Arial, FreeType's properties).
"""

import os

from study.key import ROOT

os.environ.update(MPLBACKEND="Agg", MATPLOTLIBRC="", FREETYPE_PROPERTIES="")
os.environ["MPLCONFIGDIR"] = str(ROOT / "work" / "matplotlib")  # its cache of fonts, and no settings or styles

import matplotlib as mpl
import matplotlib.pyplot as plt
import seaborn as sns

__all__ = ["DEFAULTS", "as_written", "mpl", "plt", "sns", "theme"]

#: To begin a figure with, for ``mpl.style``: Matplotlib's defaults, and ids in an SVG that are the same each time.
DEFAULTS = ["default", {"svg.hashsalt": "stepsize"}]
#: For seaborn's styles, which prefer Arial. Matplotlib brings this font.
FONT = {"font.sans-serif": ["DejaVu Sans"]}


def theme(**settings: object) -> None:
    """Seaborn's look of a paper for all that is drawn from here on, with ``settings``; what was set before is gone."""
    mpl.style.use(DEFAULTS)
    sns.set_theme(context="paper", style="ticks", rc=FONT | settings)


def as_written(words: str) -> str:
    """A user's words as Matplotlib draws them unchanged: between two dollars it would read mathematics."""
    return words.replace("$", r"\$")
