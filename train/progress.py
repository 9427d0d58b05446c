"""What the trainer shows of a run in progress."""

import itertools

from core.run import Run


def line(run: Run, name: str, seconds: float) -> str:
    """Steps, mean return of the last 100 whole episodes, speed, time left."""
    done, budget = run.envs.steps, run.envs.budget
    whole = (episode.ret for episode in reversed(run.envs.episodes) if episode.end != "cut")
    last = list(itertools.islice(whole, 100))
    mean = f"{sum(last) / len(last):8.1f}" if last else "       –"
    speed = done / seconds
    left = (budget - done) / speed if done else float("nan")
    return (
        f"{name}  {done:>9,} / {budget:,} steps  return {mean}  {speed:6,.0f} steps/s  "
        f"left {int(left // 60)}:{int(left % 60):02d}"
    )
