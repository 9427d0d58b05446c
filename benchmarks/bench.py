"""Speed, side by side on one core, from process start to finished files: ours, other libraries, bare stepping.

    make bench                                      all of it: hours
    python -m benchmarks.bench --repeat 1 --algos ppo_clip,trpo --tasks Hopper --peer-steps 50000

Programs take turns, repetition by repetition, so that a slow minute of the machine falls on all of them; the table has
medians. Ours run in a copy of the project, whose first run of each kind compiles: that one is the column "cold".
Writes benchmarks/results.md.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks import scale
from core.machine import cpu
from core.options import algorithms

ROOT = Path(__file__).resolve().parent.parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
TASKS = ("HalfCheetah", "Hopper", "Walker2d")
PEERS = ("physics", "stepping", "sb3_ppo", "sb3_ppo_8", "sb3_trpo", "sb3_trpo_8", "sb3_a2c")
STUDY = "bench:\n  tasks: [HalfCheetah, Hopper, Walker2d]\n  seeds: 1\n  steps: {steps}\n  methods: {{{methods}}}\n"
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


def seconds(command: list[str], cwd: Path) -> float:
    """Wall time of a process, which has one core to itself."""
    start = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=os.environ | ONE_THREAD, check=True, capture_output=True)
    return time.perf_counter() - start


def measure(args: argparse.Namespace, copy: Path) -> tuple[dict, dict, Path]:
    """(steps, seconds) by (program, task), a list each; of our first runs apart; the folder of one run."""
    warm, cold, folder = {}, {}, None
    for repetition in range(args.repeat + 1):  # the first is to compile: of ours only
        for task in args.tasks:
            for algo in args.algos:
                shutil.rmtree(copy / "results", ignore_errors=True)
                chosen = ["--study", "bench", "--task", task, "--method", algo, "--seed", "0"]
                budget = args.cold_steps if repetition == 0 else args.steps
                if repetition == 0:
                    chosen += ["--steps", str(budget), "--set", "compile_from=1"]
                took = seconds([sys.executable, "-m", "core.train", *chosen], copy)
                (folder,) = (path.parent for path in copy.glob("results/runs/**/run.json"))
                (warm if repetition else cold).setdefault((algo, task), []).append((budget, took))
                print(repetition, task, algo, f"{budget / took:,.0f} steps/s", flush=True)
            for peer in PEERS if repetition else ():
                budget = args.peer_steps * (5 if peer in ("physics", "stepping") else 1)
                command = [args.peer_python, str(ROOT / "benchmarks" / "peers.py"), peer, f"{task}-v4", str(budget)]
                took = seconds(command, copy)
                warm.setdefault((peer, task), []).append((budget, took))
                print(repetition, task, peer, f"{budget / took:,.0f} steps/s", flush=True)
    return warm, cold, folder


def profile(algo: str, task: str) -> dict[str, float]:
    """Microseconds a step of each part."""
    command = [sys.executable, "-m", "benchmarks.where", algo, f"{task}-v4", "100000"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def report(args: argparse.Namespace, warm: dict, cold: dict, parts: dict, scaled: list[str]) -> str:
    """The page."""
    given = " ".join(word for word in sys.argv[1:] if word not in ("--peer-python", args.peer_python))
    speed = {key: statistics.median(budget / took for budget, took in runs) for key, runs in warm.items()}
    lines = [
        "# Speed, measured",
        "",
        f"`python -m benchmarks.bench {given}` on {cpu()['model']} ({platform.machine()}), one core, "
        f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("torch", "mujoco", "gymnasium", "numpy"))
        + f", Stable-Baselines3 and sb3-contrib 2.9.2. Ours: {args.steps:,} steps, others {args.peer_steps:,} (bare "
        f"stepping {5 * args.peer_steps:,}), {args.repeat} repetition(s) in turns, medians. From process start to "
        "finished files; what is compiled comes from the cache, as in every run of a study but the first of its kind.",
        "",
        "## Steps per second, and as a share of bare physics",
        "",
        "| | " + " | ".join(args.tasks) + " |",
        "|---|" + "---|" * len(args.tasks),
    ]
    for name in (*args.algos, *PEERS):
        cells = [f"{speed[name, t]:,.0f} ({speed[name, t] / speed['physics', t]:.0%})" for t in args.tasks]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    lines += ["", "## Bars", "", "| | of | task | ratio | bar | |", "|---|---|---|---|---|---|"]
    for ours, other, task, bar in BARS:
        if (ours, task) in speed and (other, task) in speed:
            ratio = speed[ours, task] / speed[other, task]
            verdict = "met" if ratio >= bar else "**missed**"
            lines.append(f"| `{ours}` | `{other}` | {task} | {ratio:.2f} | {bar} | {verdict} |")
    names = next(iter(parts.values())) if parts else {}
    lines += [
        "",
        "## Where a step's time goes (µs), and peak memory",
        "",
        "| | | " + " | ".join(names) + " |",
        "|---|---|" + "---|" * len(names),
    ]
    lines += [f"| `{a}` | {t} | " + " | ".join(f"{v:.3g}" for v in p.values()) + " |" for (a, t), p in parts.items()]
    lines += [
        "",
        f"## The first run of its kind, which compiles: seconds of {args.cold_steps:,} steps",
        "",
        "| | " + " | ".join(args.tasks) + " |",
        "|---|" + "---|" * len(args.tasks),
    ]
    for algo in args.algos:
        cells = [f"{cold[algo, t][0][1]:.0f}" for t in args.tasks]
        lines.append(f"| `{algo}` | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", "## What grows with a study", "", *scaled, ""])


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--algos", type=lambda text: text.split(","), default=algorithms())
    parser.add_argument("--tasks", type=lambda text: text.split(","), default=list(TASKS))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--cold-steps", type=int, default=20_000)
    parser.add_argument("--peer-steps", type=int, default=200_000)
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter that has the other libraries")
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # and so for all it starts
    methods = ", ".join(f"{algo}: " for algo in args.algos)
    with tempfile.TemporaryDirectory() as folder:
        copy = scale.project(Path(folder), STUDY.format(steps=args.steps, methods=methods))
        warm, cold, run = measure(args, copy)
        parts = {(algo, task): profile(algo, task) for algo in args.algos for task in args.tasks}
        page = report(args, warm, cold, parts, scale.main(run))
    (ROOT / "benchmarks" / "results.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
