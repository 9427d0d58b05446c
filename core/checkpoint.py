"""A run in progress as one file, and back: all that decides its future, so that what follows has the same bytes.

Between two iterations these are θ, φ, the observation filter, the algorithm's ``state``, the random streams, each
simulator with its random stream, the open episodes, and the rows so far. A checkpoint is valid for its key and seed
and for what else decides the bytes (``core/provenance.py``); anything else, or a damaged file, is refused.
"""

import hashlib
import io
import json
import pickle
from pathlib import Path

import mujoco
import numpy as np
import torch

from core.atomic import write_whole
from core.environments import Episode
from core.normalise import ObservationFilter
from core.provenance import provenance
from core.run import Run

FORMAT = 2


def save(run: Run, path: Path, identity: dict, seconds: dict) -> None:
    """Write a checkpoint, whole or not at all. ``identity`` is what it is valid for besides this machine.

    ``seconds`` come back among ``run.seconds``.
    """
    stream = io.BytesIO()
    torch.save({"identity": _identity(run, identity), **_pack(run), "seconds": run.seconds | seconds}, stream)
    payload = stream.getvalue()
    write_whole(path, hashlib.sha256(payload).digest() + payload)


def load(run: Run, path: Path, identity: dict) -> str | None:
    """Put a fresh ``run`` where the checkpoint was. Returns why not, if not; the run is then as it was.

    Raises OSError where the file cannot be read.
    """
    content = path.read_bytes()
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        return "it is damaged"
    try:
        kept = torch.load(io.BytesIO(content[32:]), weights_only=True)
    except pickle.UnpicklingError:
        return "it is damaged"
    here = _identity(run, identity)
    for name, value in here.items():
        if kept["identity"].get(name) != value:
            return f"it is of another {name} ({kept['identity'].get(name)}, here {value})"
    _unpack(run, kept)
    return None


def possible(run: Run) -> bool:
    """Whether the run can be kept: its task's state is that of a MuJoCo simulator, of which all is known."""
    return all(isinstance(getattr(task, "data", None), mujoco.MjData) for task in _tasks(run))


def _identity(run: Run, identity: dict) -> dict:
    machine = provenance(run.agent.compiled)
    machine.pop("lock")  # what should be installed; "versions" is what is
    return {"format": FORMAT, **identity, **machine}


def _pack(run: Run) -> dict:
    agent, envs, copies = run.agent, run.envs, run.envs._copies
    running = isinstance(agent.filter, ObservationFilter)
    return {
        "theta": agent.theta,
        "phi": agent.phi,
        "filter": [agent.filter.count, *_tensors(agent.filter.mean, agent.filter.sq)] if running else None,
        "streams": {name: _generator(getattr(agent.streams, name)) for name in ("init", "noise", "shuffle")},
        "state": {name: _keep(value, f"state[{name!r}]") for name, value in run.state.items() if not _remade(value)},
        "updates": {name: [row[name] for row in run.updates] for name in (run.updates[0] if run.updates else ())},
        "episodes": list(map(list, zip(*run.envs.episodes, strict=True))),
        "steps": envs.steps,
        "staggered": bool(envs.staggered),
        "open": _tensors(envs._returns, envs._first_limits),
        "copies": _tensors(copies.obs, copies.elapsed),
        "simulators": [_simulator(task.data) for task in _tasks(run)],
        "resets": [_generator(task.np_random) for task in _tasks(run)],
        "limits": [[wrapper._elapsed_steps for wrapper in _limits(env)] for env in copies._envs],
    }


def _unpack(run: Run, kept: dict) -> None:
    agent, envs, copies = run.agent, run.envs, run.envs._copies
    agent.theta.copy_(kept["theta"])
    agent.phi.copy_(kept["phi"])
    if kept["filter"]:
        agent.filter.count, mean, sq = kept["filter"]
        agent.filter.mean[:], agent.filter.sq[:] = mean, sq
        agent.filter._refresh()
    for name, state in kept["streams"].items():
        getattr(agent.streams, name).bit_generator.state = json.loads(state)
    for name, value in kept["state"].items():
        run.state[name] = _restored(run.state.get(name), value)
    names = list(kept["updates"])
    run.updates = [dict(zip(names, row, strict=True)) for row in zip(*kept["updates"].values(), strict=True)]
    envs.episodes = [Episode(*row) for row in zip(*kept["episodes"], strict=True)]
    run.seconds = kept["seconds"]
    envs.steps, envs.staggered = kept["steps"], kept["staggered"]
    for array, tensor in zip((envs._returns, envs._first_limits), kept["open"], strict=True):
        array[:] = tensor
    obs, elapsed = kept["copies"]
    copies.obs, copies.elapsed[:] = obs.numpy(), elapsed
    for i, task in enumerate(_tasks(run)):
        for name, array in kept["simulators"][i].items():
            if name == "time":
                task.data.time = array
            elif getattr(task.data, name).shape == array.shape:  # else it is one of those that each step makes anew
                getattr(task.data, name)[:] = array.numpy()
        task.np_random.bit_generator.state = json.loads(kept["resets"][i])
        for wrapper, steps in zip(_limits(copies._envs[i]), kept["limits"][i], strict=True):
            wrapper._elapsed_steps = steps


def _keep(value: object, where: str) -> object:
    """Tensors and numbers as they are; of an object (Adam) its public attributes, which must be such."""
    if isinstance(value, np.generic):  # np.float64 is a float, but a checkpoint that holds one is not read
        return _keep(value.item(), where)
    if isinstance(value, torch.Tensor | int | float | str | bool | None):
        return value
    if isinstance(value, list | tuple):
        return [_keep(item, where) for item in value]
    if isinstance(value, dict):
        return {_keep(name, where): _keep(item, f"{where}[{name!r}]") for name, item in value.items()}
    if hasattr(value, "__dict__"):
        return {name: _keep(item, f"{where}.{name}") for name, item in vars(value).items() if name[0] != "_"}
    raise TypeError(f"{where}: a {type(value).__name__} cannot be kept in a checkpoint: use tensors and numbers")


def _remade(value: object) -> bool:
    """Whether nothing of it lasts: an object without public attributes (the branches of the vine)."""
    return hasattr(value, "__dict__") and not isinstance(value, torch.Tensor) and all(n[0] == "_" for n in vars(value))


def _restored(now: object, kept: object) -> object:
    """``kept`` in the place of ``now``; objects and their tensors stay the same ones, since others hold them."""
    if isinstance(now, torch.Tensor):
        return now.copy_(kept)
    if isinstance(now, list | tuple):
        return type(now)(_restored(*pair) for pair in zip(now, kept, strict=True))
    if isinstance(now, dict):
        return {name: _restored(now.get(name), value) for name, value in kept.items()}
    if hasattr(now, "__dict__"):
        for name, value in kept.items():
            setattr(now, name, _restored(getattr(now, name), value))
        return now
    return kept


def _tasks(run: Run) -> list:
    return [env.unwrapped for env in run.envs._copies._envs]


def _limits(env) -> list:
    """The wrappers of ``env`` that count its steps."""
    found = []
    while hasattr(env, "env"):
        if hasattr(env, "_elapsed_steps"):
            found.append(env)
        env = env.env
    return found


def _simulator(data: mujoco.MjData) -> dict:
    """All arrays of a simulator: its state proper, and what a task reads of the last step."""
    arrays = {n: getattr(data, n) for n in dir(data) if n[0] != "_"}
    arrays = {name: array for name, array in arrays.items() if isinstance(array, np.ndarray) and array.size}
    return {"time": data.time} | dict(zip(arrays, _tensors(*arrays.values()), strict=True))


def _generator(rng: np.random.Generator) -> str:
    return json.dumps(rng.bit_generator.state)


def _tensors(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(np.array(array)) for array in arrays]
