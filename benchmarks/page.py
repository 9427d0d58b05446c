"""The tables of benchmarks/results.md."""

from collections.abc import Sequence

#: (ours, the other, task): the least ratio of the two speeds (docs/performance.md)
BARS = [
    *[("ppo_clip", "sb3_ppo", task, bar) for task, bar in (("HalfCheetah", 7), ("Hopper", 5))],
    *[("trpo", "sb3_trpo", task, bar) for task, bar in (("HalfCheetah", 8), ("Hopper", 5))],
    *[(algo, "physics", task, 0.55) for algo in ("ppo_clip", "ppo_kl") for task in ("Hopper", "Walker2d")],
    *[
        (algo, "physics", task, 0.65)
        for algo in ("pg", "npg", "trpo", "trpo_penalty", "pg_adaptive", "cem", "trpo_vine")
        for task in ("Hopper", "Walker2d")
    ],
]


def lines(
    algos: Sequence[str],
    peers: Sequence[str],
    tasks: Sequence[str],
    speed: dict,
    made: dict,
    parts: dict,
    cold: dict,
    few: int,
) -> list[str]:
    """The page but for its head and what grows with a study. ``speed``: steps/s by (program, task)."""
    out = ["## Steps per second, and as a share of bare physics", ""]
    out += [
        "`physics` is `mj_step(nstep=frame_skip)` alone, as MuJoCo's Python package runs it: it times each part of a "
        "step and looks for islands. `lean_physics` is the same without both, as we run it, to the same bits. "
        "`stepping` is Gymnasium's `step`. `_8` has eight environments in one process, as ours.",
        "",
    ]
    rows: list[list] = []
    for name in (*algos, *peers):
        cells = [f"{speed[name, t]:,.0f} ({speed[name, t] / speed['physics', t]:.0%})" for t in tasks]
        rows.append([f"`{name}`", *cells])
    out += table(["", *tasks], rows)
    rows = []
    for ours, other, task, bar in BARS:
        if (ours, task) in speed and (other, task) in speed:
            ratio = speed[ours, task] / speed[other, task]
            rows.append([f"`{ours}`", f"`{other}`", task, f"{ratio:.2f}", bar, "met" if ratio >= bar else "**missed**"])
    out += ["", "## Bars", "", *table(["", "of", "task", "ratio", "bar", ""], rows), ""]
    rows = [
        [f"`{a}`", t, f"{took:.1f}", f"{1e6 / took:,.0f}", f"{speed[a, t]:,.0f}", f"{peak:.0f}"]
        for (a, t), (took, peak) in made.items()
    ]
    out += ["## Runs of a million steps, made in full", ""]
    out += table(["", "", "seconds", "steps/s", "by the line", "peak MB"], rows)
    names = next(iter(parts.values()))
    out += ["", "## Where a step's time goes (µs)", ""]
    rows = [[f"`{a}`", t, *(f"{value:.3g}" for value in part.values())] for (a, t), part in parts.items()]
    out += table(["", "", *names], rows)
    out += ["", f"## The first run of its kind, which compiles: seconds of {few:,} steps", ""]
    out += table(["", *tasks], [[f"`{a}`", *(f"{cold[a, t]:.0f}" for t in tasks)] for a in algos])
    return [*out, ""]


def table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> list[str]:
    """A Markdown table."""
    return [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows)]
