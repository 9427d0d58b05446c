"""The tasks of PPO Figure 3 without Gymnasium's Python: E simulators, one C call each, and what ``step`` makes of their
states computed for all of them at once. To the bit what Gymnasium gives, which goes on making and resetting them.

The functions below follow Gymnasium's files of these tasks (gymnasium/envs/mujoco/*_v4.py and *_v5.py). Where vectors
round differently from the scalars there (a power, a scalar product), the work is done copy by copy, as there.
"""

import functools
import math
from collections.abc import Callable

import mujoco
import numpy as np

#: ``step(act, which)`` gives obs (E × O), rew (E) and terminated (E). Of copies that are not in ``which`` the
#: observation stays, and the rest is without meaning.
Step = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


def together(task_id: str, tasks: list) -> Step | None:
    """A step of all copies at once, for Gymnasium's environments ``tasks`` without their wrappers.

    None for a task that is not known here.
    """
    name, _, version = task_id.rpartition("-")
    if name not in TASKS or version not in ("v4", "v5"):
        return None
    return functools.partial(TASKS[name], Simulators(tasks, v5=version == "v5"))


class Simulators:
    """The simulators of E copies of one task. ``task`` is one of the copies, with Gymnasium's settings."""

    def __init__(self, tasks: list, v5: bool):
        self.task, self.v5, self.dt = tasks[0], v5, tasks[0].dt
        self.data = [task.data for task in tasks]
        self._each = [(task.model, task.data, task.data.ctrl) for task in tasks]
        self._views = [view for data in self.data for view in (data.qpos, data.qvel)]
        self._firsts = [data.qpos[:1] for data in self.data]
        for task in tasks:
            if task.model.ntree == 1:  # one body has one island: looking for more costs a tenth of a step
                task.model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_ISLAND

    @functools.cached_property
    def healthy(self) -> np.ndarray:
        """Low and high limits of the coordinates, from the second on, by which a walker falls: 2 × their number."""
        limits = [self.task._healthy_z_range, self.task._healthy_angle_range]
        if anything := getattr(self.task, "_healthy_state_range", None):  # Hopper's, from the angle on
            limits[1] = max(limits[1][0], anything[0]), min(limits[1][1], anything[1])
            limits += [anything] * (self.task.model.nq + self.task.model.nv - 3)
        return np.array(limits).T

    def state(self) -> np.ndarray:
        """Positions and velocities now, a new array of E × (nq + nv)."""
        return np.concatenate(self._views).reshape(len(self.data), -1)

    def x(self) -> np.ndarray:
        """The first coordinate now, E."""
        return np.concatenate(self._firsts)

    def advance(self, act: np.ndarray, which: np.ndarray) -> None:
        """Step the copies ``which`` with their rows of ``act`` (E × A)."""
        each, step, nstep = self._each, mujoco.mj_step, self.task.frame_skip
        for i in which:
            model, data, ctrl = each[i]
            ctrl[:] = act[i]
            step(model, data, nstep)


def _run(sims: Simulators, act: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Step; the state, the reward for running (E) and the cost of control (E)."""
    before = sims.x()
    sims.advance(act, which)
    state = sims.state()
    speed = (state[:, 0] - before) / sims.dt
    cost = sims.task._ctrl_cost_weight * np.add.reduce(np.square(act), axis=1)
    return state, sims.task._forward_reward_weight * speed, cost


def _free(sims: Simulators, act: np.ndarray, which: np.ndarray, hidden: int):
    """HalfCheetah and Swimmer. The first ``hidden`` coordinates, where the body is, are not observed."""
    state, forward, cost = _run(sims, act, which)
    return state[:, hidden:], forward - cost, np.zeros(len(state), bool)


def _on_feet(sims: Simulators, act: np.ndarray, which: np.ndarray):
    """Hopper and Walker2d, whose episode ends with a fall; Hopper's also where a coordinate runs away."""
    task = sims.task
    low, high = sims.healthy
    state, forward, cost = _run(sims, act, which)
    watched = state[:, 1 : 1 + len(low)]
    healthy = np.logical_and.reduce((low < watched) & (watched < high), axis=1)
    alive = healthy * task._healthy_reward if sims.v5 else task._healthy_reward  # v4 gives it for the fall, too
    qvel = state[:, task.model.nq :]
    np.clip(qvel, -10, 10, out=qvel)
    return state[:, 1:], forward + alive - cost, ~healthy


def _pendulum(sims: Simulators, act: np.ndarray, which: np.ndarray):
    sims.advance(act, which)
    obs = sims.state()
    terminated = ~np.logical_and.reduce(np.isfinite(obs), axis=1) | (np.abs(obs[:, 1]) > 0.2)
    return obs, (~terminated if sims.v5 else np.ones(len(obs))).astype(float), terminated


def _double_pendulum(sims: Simulators, act: np.ndarray, which: np.ndarray):
    sims.advance(act, which)
    qpos, qvel = np.hsplit(sims.state(), 2)
    push = np.stack([data.qfrc_constraint for data in sims.data])
    seen = push[:, :1] if sims.v5 else push
    angles = qpos[:, 1:].copy()
    rew, terminated = np.zeros(len(qpos)), np.zeros(len(qpos), bool)
    for i in which:
        x, _, y = sims.data[i].site_xpos[0].tolist()
        _, v1, v2 = qvel[i].tolist()
        terminated[i] = y <= 1
        alive = sims.task._healthy_reward * (not terminated[i]) if sims.v5 else 10
        rew[i] = alive - (0.01 * x**2 + (y - 2) ** 2) - (0.001 * v1**2 + 0.005 * v2**2)
    parts = [qpos[:, :1], np.sin(angles), np.cos(angles), np.clip(qvel, -10, 10), np.clip(seen, -10, 10)]
    return np.concatenate(parts, axis=1), rew, terminated


def _reacher(sims: Simulators, act: np.ndarray, which: np.ndarray):
    before = _gap(sims)
    sims.advance(act, which)
    after = _gap(sims)
    far = after if sims.v5 else before  # v4 looks before it steps
    rew = np.array([-math.sqrt(gap.dot(gap)) for gap in far]) + -np.square(act).sum(axis=1)
    qpos, qvel = np.hsplit(sims.state(), 2)
    angles, shown = qpos[:, :2].copy(), after[:, :2] if sims.v5 else after
    obs = np.concatenate([np.cos(angles), np.sin(angles), qpos[:, 2:], qvel[:, :2], shown], axis=1)
    return obs, rew, np.zeros(len(obs), bool)


def _gap(sims: Simulators) -> np.ndarray:
    """From the target to the fingertip, E × 3."""
    finger, target = (sims.task.model.body(name).id for name in ("fingertip", "target"))
    xpos = np.stack([data.xpos for data in sims.data])
    return xpos[:, finger] - xpos[:, target]


TASKS: dict[str, Callable] = {
    "HalfCheetah": functools.partial(_free, hidden=1),
    "Hopper": _on_feet,
    "InvertedDoublePendulum": _double_pendulum,
    "InvertedPendulum": _pendulum,
    "Reacher": _reacher,
    "Swimmer": functools.partial(_free, hidden=2),
    "Walker2d": _on_feet,
}
