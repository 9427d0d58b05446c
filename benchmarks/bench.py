"""Speed, side by side on one core, from process start to finished files: ours, other libraries, bare stepping.

    make bench                                      all of it: an hour and a half
    python -m benchmarks.bench --repeat 1 --algos ppo_clip,trpo --tasks Hopper

Programs take turns, repetition by repetition, so that a slow minute of the machine falls on all of them. Each is timed
twice a repetition, for few steps and for many; the line through both gives its speed over a million steps, start
included, without waiting for the slow ones. Ours run in a copy of the project, whose first run of each kind compiles:
that one is apart. At the end the runs of the first bars are made in full. Writes benchmarks/results.md.
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

from benchmarks import page, scale
from core.machine import cpu
from study.options import algorithms

ROOT = Path(__file__).resolve().parent.parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
TASKS = ("HalfCheetah", "Hopper", "Walker2d")
BARE = ("physics", "lean_physics", "stepping")
PEERS = (*BARE, "sb3_ppo", "sb3_ppo_8", "sb3_trpo", "sb3_trpo_8", "sb3_a2c")
FULL = [(algo, task) for task in ("HalfCheetah", "Hopper") for algo in ("ppo_clip", "trpo")]  #: runs of 1M steps
STUDY = "bench:\n  tasks: [HalfCheetah, Hopper, Walker2d]\n  seeds: 1\n  steps: 1_000_000\n  methods: {{{methods}}}\n"
MILLION = 1_000_000


def seconds(command: list[str], cwd: Path) -> float:
    """Wall time of a process, which has one core to itself."""
    start = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=os.environ | ONE_THREAD, check=True, capture_output=True)
    return time.perf_counter() - start


def train(copy: Path, algo: str, task: str, steps: int) -> float:
    """Seconds of one of our runs; compiled, however short it is."""
    shutil.rmtree(copy / "results", ignore_errors=True)
    chosen = ["--study", "bench", "--task", task, "--method", algo, "--seed", "0", "--steps", str(steps)]
    return seconds([sys.executable, "-m", "train", *chosen, "--set", "compile_from=1"], copy)


def peer(args: argparse.Namespace, name: str, task: str, steps: int) -> float:
    """Seconds of another program."""
    command = [args.peer_python, str(ROOT / "benchmarks" / "peers.py"), name, f"{task}-v4", str(steps)]
    return seconds(command, ROOT)


def over_a_million(few: tuple[int, float], many: tuple[int, float]) -> float:
    """Steps/s of a run of a million steps, by the line through two (steps, seconds)."""
    slope = (many[1] - few[1]) / (many[0] - few[0])
    return MILLION / (few[1] + slope * (MILLION - few[0]))


def measure(args: argparse.Namespace, copy: Path) -> tuple[dict, dict]:
    """Steps/s over a million steps by (program, task), a list each; seconds of our first runs."""
    cold = {}
    for task in args.tasks:
        for algo in args.algos:
            cold[algo, task] = train(copy, algo, task, args.few)
            print("first run", task, algo, f"{cold[algo, task]:.0f} s", flush=True)
    speed: dict[tuple[str, str], list[float]] = {}
    for repetition in range(args.repeat):
        for task in args.tasks:
            for name in (*args.algos, *PEERS):
                ours, bare = name in args.algos, name in BARE
                many = args.steps if ours else args.peer_steps * (5 if bare else 1)
                run = [(n, train(copy, name, task, n) if ours else peer(args, name, task, n)) for n in (args.few, many)]
                speed.setdefault((name, task), []).append(over_a_million(*run))
                print(repetition, task, name, f"{speed[name, task][-1]:,.0f} steps/s", flush=True)
    return speed, cold


def profile(algo: str, task: str) -> dict[str, float]:
    """Microseconds a step of each part."""
    command = [sys.executable, "-m", "benchmarks.where", algo, f"{task}-v4", "60000"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def full(args: argparse.Namespace, copy: Path) -> dict:
    """(seconds, peak MB) of the runs of FULL, a million steps each."""
    found = {}
    for algo, task in FULL:
        if algo in args.algos and task in args.tasks:
            took = train(copy, algo, task, MILLION)
            (record,) = copy.glob("results/runs/**/run.json")
            found[algo, task] = took, json.loads(record.read_text(encoding="utf-8"))["peak_memory_mb"]
    return found


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--algos", type=lambda text: text.split(","), default=algorithms())
    parser.add_argument("--tasks", type=lambda text: text.split(","), default=list(TASKS))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--few", type=int, default=10_240, help="steps of the short run of each pair")
    parser.add_argument("--steps", type=int, default=153_600, help="steps of the long one, of ours")
    parser.add_argument("--peer-steps", type=int, default=40_960, help="and of others")
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter that has the other libraries")
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # and so for all it starts
    given = " ".join(word for word in sys.argv[1:] if word not in ("--peer-python", args.peer_python))
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "mujoco", "gymnasium", "numpy"))
    head = (
        f"`python -m benchmarks.bench {given}`".replace(" `", "`")
        + f" on {cpu()['model']} ({platform.machine()}), one core, Python {platform.python_version()}, {libraries}, "
        f"Stable-Baselines3 and sb3-contrib 2.9.2. Steps/s of a run of a million steps, from process start to finished "
        f"files: the line through runs of {args.few:,} and {args.steps:,} steps (others {args.peer_steps:,}, bare "
        f"stepping {5 * args.peer_steps:,}); medians of {args.repeat} repetitions in turns. What is compiled comes "
        "from the cache, as in every run of a study but the first of its kind."
    )
    with tempfile.TemporaryDirectory() as folder:
        methods = ", ".join(f"{algo}: " for algo in args.algos)
        copy = scale.project(Path(folder), STUDY.format(methods=methods))
        speed, cold = measure(args, copy)
        median = {key: statistics.median(runs) for key, runs in speed.items()}
        made = full(args, copy)
        (run,) = (path.parent for path in copy.glob("results/runs/**/run.json"))
        parts = {(algo, task): profile(algo, task) for algo in args.algos for task in args.tasks}
        lines = page.lines(args.algos, PEERS, args.tasks, median, made, parts, cold, args.few)
        lines += ["## What grows with a study", "", *scale.main(run), ""]
    text = "\n".join(["# Speed, measured", "", head, "", *lines])
    (ROOT / "benchmarks" / "results.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
