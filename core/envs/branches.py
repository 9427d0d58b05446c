"""Branches of a rollout: several first actions from one saved state, each followed by the policy (TRPO's vine)."""

from typing import NamedTuple

import numpy as np

from core.agent import Agent
from core.envs.recorded import Environments
from core.envs.vector import Copies, Saved
from core.errors import BudgetSpent


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
        self._copies = Copies(envs.spec, [0] * width)  # restore() overwrites what the seeds drew

    def restore(self, saved: Saved) -> None:
        """Put every copy into the saved state."""
        for k in range(len(self._copies)):
            self._copies.restore(k, saved)

    def try_out(self, agent: Agent, saved: Saved, act: np.ndarray, noise: np.ndarray) -> Tried:
        """Take each row of ``act`` (K × A) in the saved state, then follow π_θ for ``len(noise)`` steps or to an end.

        ``noise`` (T − 1 × A) is common to all K, so that what tells them apart is the first action alone. Raises
        BudgetSpent where the budget does not reach so far.
        """
        self.restore(saved)
        envs, copies, actor = self._envs, self._copies, agent.policy.actor(agent.theta)
        width = len(copies)
        rew, length = np.zeros((len(noise) + 1, width)), np.zeros(width, int)
        terminated, truncated = np.zeros(width, bool), np.zeros(width, bool)
        asked = taken = 0
        for t in range(len(noise) + 1):
            running = np.flatnonzero(~(terminated | truncated))
            asked, taken = len(running), envs.take(len(running))
            act = envs.allowed(actor(agent.filter(copies.obs), noise[t - 1]) if t else act)
            running = running[:taken]
            rew[t], dead, limit = copies.step(act, running)
            terminated |= dead
            truncated |= limit & ~dead
            length[running] += 1
            if taken < asked or (terminated | truncated).all():
                break
        for k in range(width):
            envs.record_branch(rew[:, k].sum(), length[k])
        if taken < asked:
            raise BudgetSpent
        return Tried(rew, length, terminated, truncated, copies.obs.copy())
