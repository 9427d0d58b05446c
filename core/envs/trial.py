"""Whether the state of a task can be kept, tried out: a copy that is put into the state of another goes on as that.

A task may hold what no state shows: a number in a module, a generator that all copies draw from, the clock. So before
a run relies on its task's state, two copies of their own get the same actions, across an episode's end, and what they
show is compared bit by bit. It takes a second or less on quick tasks, and never touches the run's own copies.
"""

import contextlib
import ctypes
import os
import pickle
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import torch

from core.envs.making import make_env
from core.envs.restore import unpack
from core.envs.state import NotKept, pack

STEPS = 1000  #: at most, to come to an episode's end
SECONDS = 1.0  #: for these; slow tasks take fewer
PATIENCE = 120  #: seconds for a copy, at most
AFTER = 10  #: steps of the episode that follows


class Trail(NamedTuple):
    """What a copy showed, step by step."""

    shown: list[bytes]
    steps: tuple[int, ...]  #: of the episode, and of the one that follows


def why_not(spec: str | dict, beside: bool) -> str | None:
    """Why a copy does not go on from the state of another to the same bits; None where it does.

    ``beside``: in one process, as a branch beside its trunk; else in another, as a run that is resumed.
    """
    first = _apart(_lead, spec, beside)
    if isinstance(first, str):
        return first
    ours, theirs, state = first
    if not beside:
        theirs = _apart(_follow, spec, 1, state, ours.steps)
    if isinstance(theirs, str):
        return theirs
    pairs = enumerate(zip(ours.shown, theirs.shown, strict=True), start=1)
    differs = next((step for step, (one, other) in pairs if one != other), None)
    return f"a copy put into the state of another went another way at step {differs}" if differs else None


def _lead(spec: str | dict, beside: bool) -> tuple[Trail, Trail | str | None, dict] | str:
    """A copy that is in its second episode: its state and what follows, and what follows of a copy beside it."""
    env, begun = make_env(spec), time.perf_counter()
    env.reset(seed=1)
    for act in _actions(env, 12, seed=0):
        env.step(act)
        if time.perf_counter() - begun > SECONDS:
            break
    env.reset()
    for act in _actions(env, 3, seed=1):
        env.step(act)
    try:
        state = pack({"task": env})
    except NotKept as error:
        return str(error)
    ours = _go(env, (STEPS, AFTER), SECONDS)
    return ours, (_follow(spec, 2, state, ours.steps) if beside else None), state


def _follow(spec: str | dict, seed: int, state: dict, steps: tuple[int, ...]) -> Trail | str:
    """Another copy from that state on."""
    env = make_env(spec)
    env.reset(seed=seed)
    try:
        unpack({"task": env}, state)
    except NotKept as error:
        return str(error)
    return _go(env, steps, float("inf"))


def _go(env: gymnasium.Env, steps: tuple[int, ...], seconds: float) -> Trail:
    """Step to the end of the episode, and into another one; not so far where the time is up."""
    shown, counts, until = [], [], time.perf_counter() + seconds
    for acts in (_actions(env, count, seed=2) for count in steps):
        taken = 0
        for act in acts:
            obs, rew, terminated, truncated, _ = env.step(act)
            shown.append(_bits(obs, rew, terminated, truncated))
            taken += 1
            if terminated or truncated or time.perf_counter() > until:
                break
        counts.append(taken)
        shown.append(_bits(env.reset()[0]))
    return Trail(shown, tuple(counts))


def _actions(env: Any, count: int, seed: int) -> np.ndarray:
    """Of the space, for a task may insist on that."""
    space, rng = env.action_space, np.random.default_rng(seed)
    return np.clip(rng.standard_normal((count, *space.shape), np.float32), space.low, space.high)


def _bits(*numbers: object) -> bytes:
    return b"".join(np.asarray(number, float).tobytes() for number in numbers)


def _apart(function: Callable, *arguments: object) -> Any:
    """What the function returns in a child of this process, which knows all modules and has changed none of them.

    Where a fork is not safe it runs here, and leaves the global random streams as they were.
    """
    if sys.platform != "linux":
        with _streams_kept():
            return _tried(function, *arguments)
    receive, send = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: those of libraries, which nothing here uses
        child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            signal.alarm(PATIENCE)
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: it is not to outlive the run, nor its lock
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1), os.dup2(silent, 2)
            with open(send, "wb") as pipe:
                pickle.dump(_tried(function, *arguments), pipe)
        os._exit(0)
    os.close(send)
    with open(receive, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
        return f"a trial of it took more than {PATIENCE} s"
    return pickle.loads(said) if said else "a trial of it crashed"


def _tried(function: Callable, *arguments: object) -> object:
    try:
        return function(*arguments)
    except Exception as error:
        return f"a trial of it failed ({type(error).__name__}: {' '.join(str(error).split())})"


@contextlib.contextmanager
def _streams_kept():
    before = np.random.get_state(), random.getstate(), torch.get_rng_state()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before[0]), random.setstate(before[1]), torch.set_rng_state(before[2])  # noqa: NPY002
