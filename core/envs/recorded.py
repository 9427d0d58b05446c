"""Several copies of one task, stepped together; every step and every episode accounted for."""

from typing import NamedTuple

import numpy as np

from core.envs.vector import Copies, Saved
from core.errors import BudgetSpent


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


class Environments:
    """``len(seeds)`` copies of the task ``spec`` (``core/envs/spec.py``), reset by themselves when an episode ends.

    ``steps`` counts environment steps of all copies, and never passes ``budget``. ``episodes`` lists the ended ones.

    Where they are ``staggered``, copy k of E cuts its first episode at k/E of the time limit. Otherwise, on a task
    whose episodes all run to the limit, the copies would stay in step for ever, and a batch that is shorter than
    an episode would hold one stretch of it only: the beginnings, then the middles. To the learner such a cut
    is a time limit like any other. The steps of a branch (``core/envs/branches.py``) make a row that is cut, too.

    ``time_limit`` says what a time limit is to the learner: "bootstrap", the world went on, or "terminate", its end.
    """

    def __init__(
        self,
        spec: str | dict,
        seeds: list[int],
        budget: int,
        *,
        clip_actions: bool = False,
        time_limit: str = "bootstrap",
        staggered: bool = False,
    ):
        self.spec = spec
        self._copies = Copies(spec, seeds)
        space, self._clip_actions, self.time_limit = self._copies.action_space, clip_actions, time_limit
        self._low, self._high = space.low, space.high
        self.obs_dim, self.act_dim = self.obs.shape[1], space.shape[0]
        self.budget = budget
        self.steps = 0
        self.episodes: list[Episode] = []
        self._returns = np.zeros(len(seeds))
        self.staggered = staggered
        self._first_limits = np.arange(len(seeds)) * self._copies.limit // len(seeds) * staggered  #: 0: none any more

    def __len__(self) -> int:
        return len(self._copies)

    @property
    def obs(self) -> np.ndarray:
        """What each copy shows now, E × O, float64; a step makes a new array."""
        return self._copies.obs

    @property
    def modules(self) -> list[str]:
        """The modules that the task and its wrappers are of."""
        return self._copies.modules

    @property
    def left(self) -> int:
        """Steps that the budget still allows."""
        return self.budget - self.steps

    def step(self, act: np.ndarray, which: np.ndarray) -> Stepped:
        """Step the copies ``which`` with their rows of ``act`` (E × A).

        Raises BudgetSpent where the budget allows fewer steps: then the first of them have taken theirs.
        """
        asked, which = len(which), which[: self.left]
        rew, terminated, truncated = self._copies.step(self.allowed(act), which)
        self._returns += rew
        ended, final_obs = terminated | truncated | (self._copies.elapsed == self._first_limits), {}
        if ended.any():
            for position, i in enumerate(which, start=1):
                if ended[i]:
                    end = "terminated" if terminated[i] else "truncated" if truncated[i] else "cut"
                    truncated[i] = end != "terminated"
                    if truncated[i]:
                        final_obs[i] = self.obs[i].copy()
                    self._first_limits[i] = 0
                    self._record(i, end, self.steps + position)
                    self._copies.reset(i)
        self.steps += len(which)
        if len(which) < asked:
            raise BudgetSpent
        return Stepped(rew, terminated, truncated, final_obs)

    def terminal(self, terminated: np.ndarray, truncated: np.ndarray) -> np.ndarray:
        """The ends after which the learner expects nothing more: time limits are among them by ``time_limit``."""
        return terminated | truncated if self.time_limit == "terminate" else terminated

    def allowed(self, act: np.ndarray) -> np.ndarray:
        """The actions as the task gets them: clipped to its action space where the option says so."""
        return np.clip(act, self._low, self._high) if self._clip_actions else act

    def save(self, i: int) -> Saved:
        """The state of copy ``i`` now."""
        return self._copies.save(i)

    @property
    def files(self) -> list[str]:
        """The files that the task and its wrappers were read from: modules, and a model's."""
        return self._copies.files

    def why_not_resumed(self) -> str | None:
        """Why the state of the copies cannot be kept for another process, in words; None where it can."""
        return self._copies.why_not_resumed()

    def take(self, steps: int) -> int:
        """Count steps of branches: how many of them the budget allows."""
        allowed = min(steps, self.left)
        self.steps += allowed
        return allowed

    def record_branch(self, ret: float, length: int) -> None:
        """Account for a branch, whose steps are counted (:meth:`take`)."""
        if length:
            self.episodes.append(Episode(self.steps, float(ret), int(length), "cut"))

    def cut(self) -> None:
        """Record the episodes that are still open, at the end of the run."""
        for i in range(len(self)):
            if self._copies.elapsed[i]:
                self._record(i, "cut", self.steps)

    def pack(self) -> dict:
        """Steps, episodes and the state of all copies, as plain data. Raises NotKept."""
        return {
            "steps": self.steps,
            "episodes": [list(column) for column in zip(*self.episodes, strict=True)],
            "returns": self._returns,
            "first_limits": self._first_limits,
            "copies": self._copies.pack(),
        }

    def unpack(self, packed: dict) -> None:
        """Go on from :meth:`pack`; arrays may be tensors by now. Raises NotKept; all is as it was then."""
        self._copies.unpack(packed["copies"])
        self.steps = packed["steps"]
        self.episodes = [Episode(*row) for row in zip(*packed["episodes"], strict=True)]
        self._returns[:], self._first_limits[:] = packed["returns"], packed["first_limits"]

    def _record(self, i: int, end: str, step: int) -> None:
        self.episodes.append(Episode(step, float(self._returns[i]), int(self._copies.elapsed[i]), end))
        self._returns[i] = 0.0
