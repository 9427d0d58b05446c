"""Copies of one task: stepped together, reset, saved and restored."""

import copy
import sys
from typing import NamedTuple

import gymnasium
import mujoco
import numpy as np

from core.envs.making import layers, make_env
from core.envs.mujoco import together
from core.envs.restore import unpack
from core.envs.shared import changed, digests
from core.envs.spec import id_of
from core.envs.state import NotKept, pack
from core.envs.trial import why_not
from core.errors import TaskError

OWN_WRAPPERS = (gymnasium.wrappers.TimeLimit, gymnasium.wrappers.OrderEnforcing)


class Saved(NamedTuple):
    """The state of a copy between two steps, from which another goes on, bit for bit."""

    obs: np.ndarray  #: O, raw
    simulator: mujoco.MjData | dict  #: a whole copy: mj_getState alone is not enough on Reacher. Or all (envs/state.py)
    elapsed: int  #: steps of the episode so far, by which the time limit counts


class Copies:
    """``count`` copies of the task ``spec`` (``envs/spec.py``). ``obs`` (E × O, float64) is what each shows now; no
    step writes into it.

    The tasks of PPO Figure 3 are stepped without Gymnasium's Python (``core/envs/mujoco.py``), all others by it.
    """

    def __init__(self, spec: str | dict, seeds: list[int]):
        self.spec = spec
        self._envs = [make_env(spec) for _ in seeds]
        self.action_space: gymnasium.spaces.Box = self._envs[0].action_space
        self.limit: int = self._envs[0].spec.max_episode_steps or 0  #: steps of an episode; 0 without a limit
        self.elapsed = np.zeros(len(seeds), int)  #: E, steps of the episode so far
        self.own = _own(self._envs[0])  #: whether the task is a MuJoCo task of Gymnasium's: all is in its simulator
        first = [env.reset(seed=seed)[0] for env, seed in zip(self._envs, seeds, strict=True)]
        self.obs = np.stack(first).astype(np.float64)
        plain = isinstance(spec, str) or not spec.keys() & {"kwargs", "wrappers"}
        self._together = together(id_of(spec), [env.unwrapped for env in self._envs]) if plain else None
        self._tried = self.own
        self._shared = {} if self.own else digests(self._envs[0])
        _stop_clock()

    def __len__(self) -> int:
        return len(self._envs)

    @property
    def modules(self) -> list[str]:
        """The modules that the task and its wrappers are of."""
        return sorted({kind.__module__ for layer in layers(self._envs[0]) for kind in type(layer).__mro__})

    def reset(self, i: int) -> None:
        """Begin a new episode of copy ``i``."""
        self.obs[i] = self._envs[i].reset()[0]
        self.elapsed[i] = 0

    def step(self, act: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Step the copies ``which`` with their rows of ``act`` (E × A), which stay as they are whatever the task does.

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
            self.obs[i], rew[i], terminated[i], truncated[i], _ = self._envs[i].step(act[i].copy())
        return rew, terminated, truncated

    def save(self, i: int) -> Saved:
        """The state of copy ``i`` now, for another copy in this process.

        Raises TaskError where another copy would not go on from it to the same bits; that is tried out once.
        """
        if self.own:
            whole = copy.copy(self._envs[i].unwrapped.data)
            _stop_clock()
            return Saved(self.obs[i].copy(), whole, int(self.elapsed[i]))
        if not self._tried and (reason := why_not(self.spec, beside=True)):
            raise self._unbranched(reason)
        self._tried = True
        try:
            return Saved(self.obs[i].copy(), pack({"task": self._envs[i]}), int(self.elapsed[i]))
        except NotKept as error:  # of what was not there yet
            raise self._unbranched(error) from None

    def restore(self, i: int, saved: Saved) -> None:
        """Put copy ``i`` into a saved state, and its time limit."""
        self.obs[i], self.elapsed[i] = saved.obs, saved.elapsed
        env = self._envs[i]
        if not self.own:
            try:
                return unpack({"task": env}, saved.simulator)
            except NotKept as error:
                raise self._unbranched(error) from None
        mujoco.mj_copyData(env.unwrapped.data, env.unwrapped.model, saved.simulator)
        for layer in layers(env):
            if isinstance(layer, gymnasium.wrappers.TimeLimit):
                layer._elapsed_steps = saved.elapsed  # type: ignore[assignment]  # Gymnasium declares None

    def pack(self) -> dict:
        """The state of all copies as plain data, for another process. Raises NotKept."""
        if not self.own and (name := changed(self._shared, digests(self._envs[0]))):
            raise NotKept(f"{name} has changed, which all copies share")
        return {"shared": self._shared, "parts": pack(self._parts(), models=not self.own)}

    def unpack(self, state: dict) -> None:
        """Put all copies into a state that was packed. Raises NotKept; the copies are as they were then."""
        if name := changed(state["shared"], self._shared):
            raise NotKept(f"{name} is not what it was")
        before = self.pack()["parts"]
        try:
            unpack(self._parts(), state["parts"])
        except Exception:
            unpack(self._parts(), before)
            raise

    @property
    def files(self) -> list[str]:
        """The files that the task and its wrappers were read from: modules, and a model's."""
        found = {getattr(sys.modules.get(name), "__file__", None) for name in self.modules}
        return sorted(filter(None, found | {getattr(self._envs[0].unwrapped, "fullpath", None)}))

    def why_not_resumed(self) -> str | None:
        """Why other copies, in another process, would not go on from :meth:`pack` to the same bits; None if they do."""
        return None if self.own else why_not(self.spec, beside=False)

    def _unbranched(self, why: object) -> TaskError:
        return TaskError(
            f"envs.yaml: {id_of(self.spec)}: cannot be branched, for {why}: choose a method without branches"
        )

    def _parts(self) -> dict[str, object]:
        return {"obs": self.obs, "elapsed": self.elapsed} | {f"copy {i}": env for i, env in enumerate(self._envs)}


def _own(env: gymnasium.Env) -> bool:
    *wrappers, task = layers(env)
    theirs = type(task).__module__.startswith("gymnasium.envs.mujoco.")
    return theirs and all(type(wrapper) in OWN_WRAPPERS for wrapper in wrappers)


def _stop_clock() -> None:
    """Have MuJoCo not time the parts of its steps, for a profile that nobody reads and that takes a fifth of them.

    Its Python package starts the clock again with each new MjData.
    """
    mujoco.set_mjcb_time(None)
