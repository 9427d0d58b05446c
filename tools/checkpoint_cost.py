"""What the checkpoints of a run cost.

    python -m tools.checkpoint_cost [--task Hopper-v4] [--algo ppo_clip] [--steps 20000] [--rows 1000000]

Trains the first ``steps`` steps, lengthens the rows so far to those of ``rows`` steps, and times what writes them.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

from core.run import Run
from study.options import option_fields
from train import checkpoint
from train.keeper import EVERY, SHARE


def main() -> None:
    """Print size, seconds, and the share of a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="Hopper-v4")
    parser.add_argument("--algo", default="ppo_clip")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    args = parser.parse_args()
    options = {name: field.default for name, field in option_fields(args.algo).items()}
    run = Run(args.algo, args.task, options, args.rows, 0)
    while run.status == "running" and run.envs.steps < args.steps:
        run.iterate()
    times = -(-args.rows // run.envs.steps)
    run.envs.episodes *= times
    run.updates *= times
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(9):
            start = time.perf_counter()
            checkpoint.save(run, Path(folder) / "checkpoint", {}, {})
            seconds.append(time.perf_counter() - start)
        size = (Path(folder) / "checkpoint").stat().st_size
    middle, name, rows = median(seconds), f"{args.algo} on {args.task}", len(run.envs.episodes)
    every = max(EVERY, middle / SHARE)
    print(
        f"{name}, {rows:,} episodes: {size / 1e6:.1f} MB in {1000 * middle:.0f} ms (median of 9), every {every:.0f} s: "
        f"{100 * middle / every:.2f} % of the run"
    )


if __name__ == "__main__":
    main()
