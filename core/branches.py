"""Branches of a rollout: several first actions from one saved state, each followed by the policy (TRPO's vine)."""

import copy
from typing import NamedTuple

import gymnasium
import mujoco
import numpy as np

from core.agent import Agent
from core.environments import Environments, Saved


class Tried(NamedTuple):
    """What the branches of one state gave."""

    rew: np.ndarray  #: T × K, zero after a branch's end
    length: np.ndarray  #: K, steps
    terminated: np.ndarray  #: K
    truncated: np.ndarray  #: K, by the time limit; neither: T steps were taken
    last_obs: np.ndarray  #: K × O, raw, what follows the last step


class Branches:
    """``width`` more copies of a task, which go on together from a state of one of ``envs``.

    Every step counts as one of ``envs``: in its budget and, as a row that is cut, in its episodes.
    """

    def __init__(self, envs: Environments, width: int):
        self._envs = envs
        self._copies = [gymnasium.make(envs.task_id, disable_env_checker=True) for _ in range(width)]
        for branch in self._copies:
            branch.reset(seed=0)  # Gymnasium asks for it; restore() overwrites what it drew

    def restore(self, saved: Saved) -> None:
        """Put every copy into the saved state: the simulator, and the time limit's count."""
        for branch in self._copies:
            task = branch.unwrapped
            if isinstance(saved.simulator, mujoco.MjData):
                mujoco.mj_copyData(task.data, task.model, saved.simulator)
            else:
                vars(task).clear()
                vars(task).update(copy.deepcopy(saved.simulator))
            while isinstance(branch, gymnasium.Wrapper):
                if isinstance(branch, gymnasium.wrappers.TimeLimit):
                    branch._elapsed_steps = saved.elapsed
                branch = branch.env

    def try_out(self, agent: Agent, saved: Saved, act: np.ndarray, noise: np.ndarray) -> Tried | None:
        """Take each row of ``act`` (K × A) in the saved state, then follow π_θ for ``len(noise)`` steps or to an end.

        ``noise`` (T − 1 × A) is common to all K, so that what tells them apart is the first action alone. Returns
        None when the budget does not reach so far; it is spent then.
        """
        self.restore(saved)
        envs, actor = self._envs, agent.policy.actor(agent.theta)
        width, obs = len(self._copies), np.tile(saved.obs, (len(self._copies), 1))
        rew, length = np.zeros((len(noise) + 1, width)), np.zeros(width, int)
        terminated, truncated = np.zeros(width, bool), np.zeros(width, bool)
        spent = False
        for t in range(len(noise) + 1):
            running = np.flatnonzero(~(terminated | truncated))
            if not len(running):
                break
            spent |= envs.left < len(running)
            act = envs.allowed(actor(agent.filter(obs), noise[t - 1]) if t else act)
            for k in running[: envs.left]:
                obs[k], rew[t, k], terminated[k], limit, _ = self._copies[k].step(act[k])
                truncated[k] = limit and not terminated[k]
                length[k] += 1
                envs.steps += 1
        for k in range(width):
            envs.record_branch(rew[:, k].sum(), length[k])
        return None if spent else Tried(rew, length, terminated, truncated, obs)
