"""Copies of one Gymnasium task: stepped together, reset, saved and restored."""

import copy
from typing import NamedTuple

import gymnasium
import mujoco
import numpy as np

from core.simulators import together

gymnasium.logger.min_level = gymnasium.logger.ERROR  # "-v4 is out of date": that is the point here


class Saved(NamedTuple):
    """The state of a copy between two steps, from which another goes on, bit for bit."""

    obs: np.ndarray  #: O, raw
    simulator: mujoco.MjData | dict  #: a whole copy: mj_getState alone is not enough on Reacher
    elapsed: int  #: steps of the episode so far, by which the time limit counts


class Copies:
    """``count`` copies of ``task_id``. ``obs`` (E × O, float64) is what each shows now; no step writes into it.

    The tasks of PPO Figure 3 are stepped without Gymnasium's Python (``core/simulators.py``), all others by it.
    """

    def __init__(self, task_id: str, seeds: list[int]):
        self._envs = [gymnasium.make(task_id, disable_env_checker=True) for _ in seeds]
        self.action_space = self._envs[0].action_space
        self.limit: int = self._envs[0].spec.max_episode_steps or 0  #: steps of an episode; 0 without a limit
        self.elapsed = np.zeros(len(seeds), int)  #: E, steps of the episode so far
        first = [env.reset(seed=seed)[0] for env, seed in zip(self._envs, seeds, strict=True)]
        self.obs = np.stack(first).astype(np.float64)
        self._together = together(task_id, [env.unwrapped for env in self._envs])
        _stop_clock()

    def __len__(self) -> int:
        return len(self._envs)

    def reset(self, i: int) -> None:
        """Begin a new episode of copy ``i``."""
        self.obs[i] = self._envs[i].reset()[0]
        self.elapsed[i] = 0

    def step(self, act: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Step the copies ``which`` with their rows of ``act`` (E × A).

        Returns rewards, terminated and truncated (by the time limit), each E and 0 for copies that are not stepped.
        """
        everyone = len(which) == len(self)
        self.elapsed[... if everyone else which] += 1
        if self._together:
            self.obs, rew, terminated = self._together(act, which)
            truncated = self.elapsed == self.limit
            if not everyone:
                waits = np.delete(np.arange(len(self)), which)
                rew[waits], terminated[waits], truncated[waits] = 0.0, False, False
            return rew, terminated, truncated
        self.obs, rew = self.obs.copy(), np.zeros(len(self))
        terminated, truncated = np.zeros(len(self), bool), np.zeros(len(self), bool)
        for i in which:
            self.obs[i], rew[i], terminated[i], truncated[i], _ = self._envs[i].step(act[i])
        return rew, terminated, truncated

    def save(self, i: int) -> Saved:
        """The state of copy ``i`` now.

        Of a MuJoCo task it is the simulator's: Gymnasium's own have no other. Of others it is all attributes.
        """
        task = self._envs[i].unwrapped
        data = getattr(task, "data", None)
        whole = copy.copy(data) if isinstance(data, mujoco.MjData) else copy.deepcopy(vars(task))
        _stop_clock()
        return Saved(self.obs[i].copy(), whole, int(self.elapsed[i]))

    def restore(self, i: int, saved: Saved) -> None:
        """Put copy ``i`` into a saved state: the simulator, and the time limit's count."""
        self.obs[i], self.elapsed[i] = saved.obs, saved.elapsed
        env = self._envs[i]
        task = env.unwrapped
        if isinstance(saved.simulator, mujoco.MjData):
            mujoco.mj_copyData(task.data, task.model, saved.simulator)
        else:
            vars(task).clear()
            vars(task).update(copy.deepcopy(saved.simulator))
        while isinstance(env, gymnasium.Wrapper):
            if isinstance(env, gymnasium.wrappers.TimeLimit):
                env._elapsed_steps = saved.elapsed
            env = env.env


def _stop_clock() -> None:
    """Have MuJoCo not time the parts of its steps, for a profile that nobody reads and that takes a fifth of them.

    Its Python package starts the clock again with each new MjData.
    """
    mujoco.set_mjcb_time(None)
