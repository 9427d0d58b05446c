"""Measure the score of an untrained policy, the zero of normalised scores.

    python -m core.random_score [TASK …] [--episodes 100]

The PPO paper's "random policy" is the policy before training: mean near zero, standard deviation 1, actions not
clipped (its Figure 3 starts near -600 on HalfCheetah, where the control cost of such actions alone is -600). So actions
are drawn from N(0, 1) here; what is printed belongs into ``envs.yaml``.
"""

import argparse

import numpy as np

from core.config import read_config
from core.environments import Environments
from core.options import nearest
from core.plan import ROOT

COPIES = 10


def random_returns(task_id: str, episodes: int, seed: int = 0) -> np.ndarray:
    """Returns of ``episodes`` episodes (a multiple of 10) of standard normal actions.

    Each of ten copies of the task plays the same number of episodes, so that short ones are not favoured.
    """
    rng = np.random.default_rng(seed)
    envs = Environments(task_id, list(range(seed, seed + COPIES)), budget=10**12, clip_actions=False)
    envs.staggered = False
    played = np.zeros(COPIES, int)
    while len(running := np.flatnonzero(played < episodes // COPIES)):
        stepped = envs.step(rng.standard_normal((COPIES, envs.act_dim)), running)
        played += stepped.terminated | stepped.truncated
    return np.array([episode.ret for episode in envs.episodes])


def main() -> None:
    """Print mean and standard error, a line a task."""
    tasks = read_config(ROOT / "envs.yaml")
    parser = argparse.ArgumentParser(description="Score of an untrained policy, for envs.yaml.")
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="names in envs.yaml (default: all)")
    parser.add_argument("--episodes", type=int, default=100, help="how many, a multiple of 10 (default: 100)")
    args = parser.parse_args()
    if args.episodes < COPIES:
        parser.error(f"--episodes {args.episodes}: give {COPIES} or more")
    for task in args.tasks:
        if task not in tasks:
            parser.error(f"envs.yaml: task {nearest(task, tasks)}")
    for task in args.tasks or tasks:
        returns = random_returns(tasks[task]["id"], args.episodes)
        error = returns.std(ddof=1) / np.sqrt(len(returns))
        print(f"{task:24} random_score: {returns.mean():.2f}   # ± {error:.2f}, {len(returns)} episodes", flush=True)


if __name__ == "__main__":
    main()
