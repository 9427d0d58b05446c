"""A task from its entry in ``envs.yaml``: Gymnasium's with settings and wrappers; refused where no method fits it."""

import importlib
from typing import Any

import gymnasium
import numpy as np

from core.errors import TaskError

gymnasium.logger.min_level = gymnasium.logger.ERROR  # "-v4 is out of date": that is the point here

FLATTEN = "gymnasium.wrappers:FlattenObservation"
REAL = "{gymnasium.wrappers:DtypeObservation: {dtype: float32}}"


def make_env(spec: str | dict, **render) -> Any:
    """A copy of the task, a ``gymnasium.Env`` with the attributes of its class.

    Raises TaskError where it cannot be made, or where its spaces are no vectors of numbers.
    """
    given: dict = {"id": spec} if isinstance(spec, str) else spec
    where, settings = f"envs.yaml: {given['id']}", given.get("kwargs", {}) | render
    if "horizon" in given:
        settings["max_episode_steps"] = given["horizon"]
    try:
        env = gymnasium.make(given["id"], disable_env_checker=True, **settings)
    except (gymnasium.error.Error, ImportError, OSError) as error:  # such as a model's file that is not there
        raise TaskError(f"{where}: {_line(error)}") from None
    except TypeError as error:
        if _unfit(error):
            raise TaskError(f"{where}: kwargs: {_line(error)}") from None
        raise
    for entry in given.get("wrappers", ()):
        ((name, settings),) = entry.items() if isinstance(entry, dict) else [(entry, None)]
        env = _wrapped(env, name, settings or {}, f"{where}: wrapper {name}")
    _check("observations", env.observation_space, where)
    _check("actions", env.action_space, where)
    return env


def layers(env: gymnasium.Env) -> list[gymnasium.Env]:
    """The wrappers of a task from the outermost on, and the task."""
    found = [env]
    while isinstance(found[-1], gymnasium.Wrapper):
        found.append(found[-1].env)
    return found


def _wrapped(env: gymnasium.Env, name: str, settings: dict, where: str) -> gymnasium.Env:
    module, _, kind = name.partition(":")
    try:
        wrapper = getattr(importlib.import_module(module), kind)
    except (ImportError, AttributeError) as error:
        raise TaskError(f"{where}: {_line(error)}") from None
    try:
        env = wrapper(env, **settings)
    except (TypeError, ValueError, AssertionError) as error:
        if module.startswith("gymnasium.") or _unfit(error):
            raise TaskError(f"{where}: {_line(error)}") from None
        raise
    if not isinstance(env, gymnasium.Env):
        raise TaskError(f"{where}: makes a {type(env).__name__}: give a class of gymnasium.Wrapper")
    return env


def _unfit(error: Exception) -> bool:
    """Whether it is about arguments that do not fit, and not about what is done with them."""
    return isinstance(error, TypeError) and " argument" in str(error)


def _check(what: str, space: Any, where: str) -> None:
    """Raise TaskError unless ``space``, a ``gymnasium.Space``, is one of vectors of real numbers."""
    box = isinstance(space, gymnasium.spaces.Box)
    if box and len(space.shape) == 1 and space.shape[0] and np.issubdtype(space.dtype, np.floating):
        return
    text = f"Box{space.shape} of {space.dtype}" if box else f"{space}"
    text = text if len(text) < 200 else f"{text[:200]}…"
    todo = _todo(space) if what == "observations" else "take a vector, by a gymnasium.ActionWrapper of your own"
    raise TaskError(f"{where}: its {what} are {_line(text)}, and must be vectors of real numbers: {todo}")


def _todo(space: gymnasium.Space) -> str:
    """What makes vectors of observations."""
    try:
        flat = gymnasium.spaces.flatten_space(space)
    except (NotImplementedError, ValueError):
        flat = None
    if not isinstance(flat, gymnasium.spaces.Box) or not flat.shape[0]:
        return "make them such by a gymnasium.ObservationWrapper of your own"
    names = [FLATTEN] * (flat.shape != space.shape) + [REAL] * (not np.issubdtype(flat.dtype, np.floating))
    return f"add wrappers: [{', '.join(names)}]"


def _line(said: object) -> str:
    return " ".join(str(said).split())
