"""Small panels of lines as SVG text, which CSS colours: hundreds of them in a second and a few kilobytes each.

The figures of a study are matplotlib's; these are the page's own, because a study has a thousand of them, and because
a page is narrow or wide, light or dark.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape

import numpy as np

WIDTH, HEIGHT = 330, 190  #: of the drawing; the page scales it
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 8, 22  #: around the axes
LARGEST = 1e150  #: of a run that diverges a value may be so large that the range of a panel is none
LOG_FLOOR = 1e-9  #: what is less, such as the KL of a step that was not taken, is at the foot of a log axis


@dataclass(frozen=True)
class Line:
    """One line of a panel; gaps where ``y`` is not finite."""

    x: np.ndarray
    y: np.ndarray
    css: str  #: its classes, such as "seed s0"
    name: str = ""  #: what a pointer that rests on it reads
    seed: int | None = None  #: the run it is of
    ends: bool = False  #: a cross at its last point: the run diverged here


@dataclass(frozen=True)
class Panel:
    """A panel: its heading, and lines over environment steps."""

    title: str
    lines: list[Line] = field(default_factory=list)
    log: bool = False
    span: tuple[float, float] | None = None  #: of the y axis; of what is drawn where None

    def svg(self, budget: int) -> str:
        """The drawing, over 0 to ``budget`` steps; an empty string where no line has a point."""
        values = np.concatenate([line.y for line in self.lines] or [np.array([])])
        values = np.clip(values[np.isfinite(values) & ((values > LOG_FLOOR) | (not self.log))], -LARGEST, LARGEST)
        if not len(values):
            return ""
        scale = np.log10 if self.log else np.asarray
        low, high = map(float, scale(self.span or (values.min(), values.max())))
        if high - low < 1e-9 * max(1, abs(high)):
            apart = max(0.5, 1e-9 * abs(high))
            low, high = low - apart, high + apart
        room = 0 if self.span else 0.04 * (high - low)
        low, high = low - room, high + room
        ticks = _log_ticks(low, high) if self.log else _round_ticks(low, high)

        def place(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            y = np.clip(np.asarray(y, float), -LARGEST, LARGEST)
            y = scale(np.maximum(y, LOG_FLOOR) if self.log else y)
            down = np.clip((high - y) / (high - low), 0, 1)
            across = np.asarray(x, float) / budget
            return LEFT + across * (WIDTH - LEFT - RIGHT), TOP + down * (HEIGHT - TOP - BOTTOM)

        parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.title)}">']
        for tick in ticks:
            (_,), (y,) = place(np.array([0]), np.array([tick]))
            text = _power(tick) if self.log else short(tick)
            parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
            parts.append(f'<text x="{LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{text}</text>')
        for share, anchor in ((0, "start"), (0.5, "middle"), (1, "end")):
            x = LEFT + share * (WIDTH - LEFT - RIGHT)
            parts.append(f'<text x="{x:g}" y="{HEIGHT - 7}" text-anchor="{anchor}">{short(share * budget)}</text>')
        for line in self.lines:
            about = f"<title>{escape(line.name)}</title>" if line.name else ""
            path = _path(*place(line.x, line.y))
            about_seed = "" if line.seed is None else f' data-line="{line.seed}"'
            if path:
                parts.append(f'<path class="{line.css}"{about_seed} d="{path}">{about}</path>')
            known = np.flatnonzero(np.isfinite(line.y))
            if line.ends and len(known):
                (x,), (y,) = place(line.x[known[-1:]], line.y[known[-1:]])
                parts.append(f'<path class="cross {line.css}"{about_seed} d="M{x - 4:.1f} {y - 4:.1f}l8 8m-8 0l8 -8"/>')
        return "".join(parts) + "</svg>"


def spark(x: np.ndarray, y: np.ndarray, budget: int, span: tuple[float, float]) -> str:
    """A line of one glance, without axes: the heading of a cell. ``span`` is from its foot to its top."""
    up = np.clip((y - span[0]) / (span[1] - span[0] or 1), 0, 1)
    path = _path(x / budget * 120, 24 - 20 * up)
    return f'<svg class="spark" viewBox="0 0 120 28" aria-hidden="true"><path d="{path}"/></svg>'


def short(value: float) -> str:
    """An axis' number: 500k, 1M, 0.25, −600."""
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * unit or (abs(value) >= unit and value % (unit / 10) == 0):
            return f"{value / unit:g}{letter}".replace("-", "−")
    return f"{value:g}".replace("-", "−")


def thinned(steps: np.ndarray, values: np.ndarray, budget: int, bins: int, how: str = "mean") -> np.ndarray:
    """Values by step, as the mean (or max) in each of ``bins`` equal parts of the budget; NaN in an empty one."""
    part = np.minimum((np.asarray(steps) - 1) * bins // budget, bins - 1)
    values = np.asarray(values, float)
    kept = np.isfinite(values)
    part, values = part[kept], values[kept]
    if how == "max":
        out = np.full(bins, -np.inf)
        np.maximum.at(out, part, values)
        return np.where(np.isfinite(out), out, np.nan)
    count = np.bincount(part, minlength=bins)
    with np.errstate(invalid="ignore"):
        return np.bincount(part, values, minlength=bins) / np.where(count, count, np.nan)


def _round_ticks(low: float, high: float, most: int = 5) -> Iterable[float]:
    raw = (high - low) / most
    unit = 10.0 ** np.floor(np.log10(raw))
    step = unit * next(m for m in (1, 2, 2.5, 5, 10) if m * unit >= raw * (1 - 1e-9))
    return [round(i * step, 12) for i in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def _log_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Powers of ten; where there are fewer than two of them, 1, 2 and 5 of each."""
    first, last = int(np.ceil(low - 1e-9)), int(np.floor(high + 1e-9))
    if last > first:
        return [10.0**e for e in range(first, last + 1, -(-(last - first + 1) // most))]
    fine = [m * 10.0**e for e in range(first - 2, last + 2) for m in (1, 2, 5)]
    return [tick for tick in fine if low - 1e-9 <= np.log10(tick) <= high + 1e-9]


def _power(value: float) -> str:
    if 1e-4 < value < 1e4:
        return f"{value:g}"
    digit, exponent = f"{value:.0e}".split("e")
    sign = "" if digit == "1" else digit + "·"
    return f'{sign}10<tspan dy="-4" font-size="8">{int(exponent):d}</tspan>'.replace(">-", ">−")


def _path(x: np.ndarray, y: np.ndarray) -> str:
    """A line, broken where ``y`` is not finite, to a tenth of a unit. A point by itself is a dot."""
    parts, pen = [], False
    known = np.isfinite(y)
    for i in np.flatnonzero(known):
        parts.append(f"{'L' if pen else 'M'}{x[i]:.1f} {y[i]:.1f}")
        pen = bool(i + 1 < len(y) and known[i + 1])
        if not pen and (i == 0 or not known[i - 1]):
            parts.append("m-1.5 0a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0 -3 0")
    return "".join(parts).replace(".0 ", " ").replace(".0L", "L").replace(".0M", "M").removesuffix(".0")
