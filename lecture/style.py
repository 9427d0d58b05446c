"""The look that the lectures' figures share."""

import textwrap

import numpy as np

from analysis.figures.pyplot import plt, sns, theme

COLOURS = sns.color_palette("colorblind", 10)


def figure(title: str, caption: str, columns: int = 1, rows: int = 1) -> tuple[plt.Figure, np.ndarray]:
    """A figure with a title, a grid of axes (rows × columns, always 2-D) and a caption below, each in its own room."""
    theme(**{"axes.titlesize": 9})
    width = max(3.4 * columns, 6.0)
    text = textwrap.fill(" ".join(caption.split()), int(16 * width))
    heights = (0.35, 2.8 * rows, 0.2 + 0.13 * (text.count("\n") + 1))
    whole = plt.figure(figsize=(width, sum(heights)), layout="constrained")
    top, middle, bottom = whole.subfigures(3, 1, squeeze=False, height_ratios=heights).flat
    top.text(0.01, 0.45, title, fontsize=11, weight="bold", va="center")
    bottom.text(0.01, 0.9, text, fontsize=7, color="0.3", va="top")
    axes = middle.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        sns.despine(ax=axis)
    return whole, axes
