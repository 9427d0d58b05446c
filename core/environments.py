"""Several copies of one task, stepped together; every step and every episode accounted for."""

import copy
from typing import NamedTuple

import gymnasium
import mujoco
import numpy as np

gymnasium.logger.min_level = gymnasium.logger.ERROR  # "-v4 is out of date": that is the point here


class Episode(NamedTuple):
    """One episode as it happened, whatever the learner was shown of it."""

    step: int  #: environment steps of the whole run when it ended
    ret: float  #: sum of the task's own rewards, neither scaled nor clipped
    length: int  #: steps
    end: str  #: "terminated", "truncated" (time limit) or "cut" (not whole: the budget ran out, or see Environments)


class Stepped(NamedTuple):
    """What a step of the copies gave. An episode that ends both ways at once is terminated."""

    rew: np.ndarray  #: E, zero for copies not stepped
    terminated: np.ndarray  #: E
    truncated: np.ndarray  #: E
    final_obs: dict[int, np.ndarray]  #: raw last observation, by copy, where truncated


class Saved(NamedTuple):
    """The state of a copy between two steps, from which a branch goes on, bit for bit (``core/branches.py``)."""

    obs: np.ndarray  #: O, raw
    simulator: mujoco.MjData | dict  #: a whole copy: mj_getState alone is not enough on Reacher
    elapsed: int  #: steps of the episode so far, by which the time limit counts


class Environments:
    """``len(seeds)`` copies of Gymnasium's ``task_id``, reset by themselves when an episode ends.

    ``obs`` (E × O, float64) is what each copy shows now. ``steps`` counts environment steps of all
    copies, and never passes ``budget``. ``episodes`` lists the ended ones.

    While ``staggered`` is set, copy k of E cuts its first episode at k/E of the time limit. Otherwise, on a task
    whose episodes all run to the limit, the copies would stay in step for ever, and a batch that is shorter than
    an episode would hold one stretch of it only: the beginnings, then the middles. To the learner such a cut
    is a time limit like any other. The steps of a branch (``core/branches.py``) make a row that is cut, too.
    """

    def __init__(self, task_id: str, seeds: list[int], budget: int, clip_actions: bool):
        self.task_id = task_id
        self._copies = [gymnasium.make(task_id, disable_env_checker=True) for _ in seeds]
        space = self._copies[0].action_space
        self._low, self._high = space.low, space.high
        self._clip_actions = clip_actions
        first = [copy.reset(seed=seed)[0] for copy, seed in zip(self._copies, seeds, strict=True)]
        self.obs = np.stack(first).astype(np.float64)
        self.obs_dim, self.act_dim = self.obs.shape[1], space.shape[0]
        self.budget = budget
        self.steps = 0
        self.episodes: list[Episode] = []
        self._returns = [0.0] * len(seeds)
        self._lengths = [0] * len(seeds)
        self.staggered = True
        limit = self._copies[0].spec.max_episode_steps or 0
        self._first_limits = [k * limit // len(seeds) for k in range(len(seeds))]

    def __len__(self) -> int:
        return len(self._copies)

    @property
    def left(self) -> int:
        """Steps that the budget still allows."""
        return self.budget - self.steps

    def step(self, act: np.ndarray, which: np.ndarray) -> Stepped:
        """Step the copies ``which`` with their rows of ``act`` (E × A)."""
        rew = np.zeros(len(self))
        terminated, truncated = np.zeros(len(self), bool), np.zeros(len(self), bool)
        final_obs = {}
        act = self.allowed(act)
        for i in which:
            obs, reward, terminal, limit, _ = self._copies[i].step(act[i])
            self.steps += 1
            self._returns[i] += reward
            self._lengths[i] += 1
            rew[i] = reward
            cut = self.staggered and self._lengths[i] == self._first_limits[i] and not (terminal or limit)
            if terminal or limit or cut:
                terminated[i], truncated[i] = terminal, not terminal
                if truncated[i]:
                    final_obs[i] = obs
                self._first_limits[i] = 0
                self._record(i, "cut" if cut else "terminated" if terminal else "truncated")
                obs, _ = self._copies[i].reset()
            self.obs[i] = obs
        return Stepped(rew, terminated, truncated, final_obs)

    def allowed(self, act: np.ndarray) -> np.ndarray:
        """The actions as the task gets them: clipped to its action space where the option says so."""
        return np.clip(act, self._low, self._high) if self._clip_actions else act

    def save(self, i: int) -> Saved:
        """The state of copy ``i`` now.

        Of a MuJoCo task it is the simulator's: Gymnasium's own have no other. Of others it is all attributes.
        """
        task = self._copies[i].unwrapped
        data = getattr(task, "data", None)
        whole = copy.copy(data) if isinstance(data, mujoco.MjData) else copy.deepcopy(vars(task))
        return Saved(self.obs[i].copy(), whole, self._lengths[i])

    def record_branch(self, ret: float, length: int) -> None:
        """Account for a branch, whose steps the caller has counted."""
        if length:
            self.episodes.append(Episode(self.steps, float(ret), int(length), "cut"))

    def cut(self) -> None:
        """Record the episodes that are still open, at the end of the run."""
        for i in range(len(self)):
            if self._lengths[i]:
                self._record(i, "cut")

    def _record(self, i: int, end: str) -> None:
        self.episodes.append(Episode(self.steps, float(self._returns[i]), self._lengths[i], end))
        self._returns[i], self._lengths[i] = 0.0, 0
