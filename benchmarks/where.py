"""Where a run's time goes: `python -m benchmarks.where ppo_clip Hopper-v4 100000` prints µs a step as JSON.

physics: mj_step; policy: the network while acting; bookkeeping: the rest of collecting; value: the fit of V_φ, where
it is apart; update: the rest of the update.
"""

import functools
import gc
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import mujoco

from core.policy import Policy
from core.run import Run
from study.options import option_fields

spent: dict[str, float] = defaultdict(float)


def timed(name: str, f: Callable) -> Callable:
    """``f``, with its time added to ``spent``."""

    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        start = time.perf_counter()
        try:
            return f(*args, **kwargs)
        finally:
            spent[name] += time.perf_counter() - start

    return wrapper


def main(algo: str, task_id: str, steps: int) -> dict[str, float]:
    """Train compiled, and account for the time but for the first iteration, which compiles or loads."""
    options = {field.name: field.default for field in option_fields(algo).values()} | {"compile_from": 1}
    mujoco.mj_step = timed("physics", mujoco.mj_step)
    policy: Any = Policy
    actor = policy.actor
    policy.actor = lambda self, theta: timed("policy", actor(self, theta))
    run = Run(algo, task_id, options, steps, 0)
    module: Any = sys.modules[f"algos.{algo}"]
    if hasattr(module, "fit_value"):
        module.fit_value = timed("value", module.fit_value)
    begun = 0
    gc.freeze()  # as train/libraries.py
    if run.agent.compiled:
        run.iterate()
        spent.clear()
        run.seconds.update(collect=0.0, update=0.0)
        begun = run.envs.steps
    while run.status == "running":
        run.iterate()
    collect, update = run.seconds["collect"], run.seconds["update"]
    parts = {
        "physics": spent["physics"],
        "policy": spent["policy"],
        "bookkeeping": collect - spent["physics"] - spent["policy"],
        "value": spent["value"],
        "update": update - spent["value"],
    }
    return {name: seconds / (run.envs.steps - begun) * 1e6 for name, seconds in parts.items()}


if __name__ == "__main__":
    algo, task_id, steps = sys.argv[1:]
    print(json.dumps(main(algo, task_id, int(steps))))
