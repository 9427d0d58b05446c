"""Numbers and labels in words, for figures, the page and the terminal."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from study.cells import Study


def number(value: float) -> str:
    """Whole, but for small ones; a dash for none."""
    if not np.isfinite(value):
        return "–" if np.isnan(value) else "∞".rjust(1 + (value < 0), "−")
    size = abs(value)
    text = f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 or not size else f"{value:.3g}"
    return text.replace("-", "−")


def rounded(value: float) -> str:
    """Whole, below 100 with one decimal: where there is little room."""
    return (f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}").replace("-", "−")


def share(value: float) -> str:
    """Two decimals: normalised scores, probabilities, ranks."""
    return "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−")


def chance(value: float) -> str:
    """A p value."""
    return "–" if np.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def estimate(value: float, low: float, high: float, form: Callable[[float], str] = number) -> str:
    """A value with the ends of its interval, where it has one that is not a point."""
    ends = f" [{form(low)}, {form(high)}]" if np.isfinite(low) and np.isfinite(high) and low < high else ""
    return form(value) + ends


def finished_label(study: Study, method: str, runs: pd.DataFrame) -> str:
    """The method's label, and where runs of it diverged how many did not: "trpo (9/10)"."""
    status = runs.loc[runs["method"] == method, "status"]
    count = (status == "finished").sum()
    return study.methods[method].label + (f" ({count}/{len(status)})" if count < len(status) else "")
