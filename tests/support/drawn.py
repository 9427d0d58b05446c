"""Drawing a topic of the lectures, for tests."""

import importlib
import io

import numpy as np
import pandas as pd


def from_disk(table):
    """A table as it is read back from its file."""
    to_disk(table, file := io.StringIO())
    file.seek(0)
    return pd.read_csv(file)


def to_disk(table, file):
    table.to_csv(file, index=False, float_format="%.8g")


def drawn(topic, table):
    """The figure of a topic from its table as read from disk; no panel of it is empty."""
    figure = importlib.import_module(f"lecture.{topic}").draw(from_disk(table))
    figure.canvas.draw()  # a missing glyph or a layout that does not fit is a warning, and so an error
    assert figure.axes
    for axis in figure.axes:  # with nothing drawn in it the limits of its data are infinite
        assert np.isfinite(axis.dataLim.get_points()).all()
    return figure
