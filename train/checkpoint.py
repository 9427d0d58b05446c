"""A run in progress as one file, and back: all that decides its future, so that what follows has the same bytes.

Between two iterations these are θ, φ, the observation filter, the algorithm's ``state``, the random streams, each
copy of the task with its wrappers (``core/envs/state.py``), the open episodes, and the rows so far. A checkpoint is
valid for its key and seed and for what else decides the bytes (``train/provenance.py``); anything else, or a damaged
file, is refused.
"""

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.envs.restore import made
from core.envs.state import NotKept, pack
from core.run import Run
from study.atomic import write_whole
from train.provenance import packages, provenance

FORMAT = 4
PACKED = "\0packed"  #: what stands before a packed part of an algorithm's state
OBJECT = "\0object"  #: and before the attributes of an object

NUMBERS = (int, float, str, bool, type(None))  #: kept as they are, and texts; not what is made of them, as np.float64


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

    Raises OSError where the file cannot be read, Unusable where the run cannot be put there.
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
    try:
        run.envs.unpack(kept["envs"])
    except NotKept as error:
        return str(error)
    try:
        _unpack(run, kept)
    except Exception as error:  # a state that has not the shape that init() gives it, say
        raise Unusable(" ".join(f"{error}".split()) or type(error).__name__) from error
    return None


class Unusable(Exception):
    """A checkpoint that could not be taken up whole; the run is in between, and has to be made anew."""


def _identity(run: Run, identity: dict) -> dict:
    machine = provenance(run.agent.compiled)
    machine.pop("lock")  # what should be installed; "versions" is what is
    return {"format": FORMAT, **identity, **machine, "packages": packages(run.envs.modules)}


def _pack(run: Run) -> dict:
    return {
        "agent": _plain(run.agent.pack()),
        "envs": _plain(run.envs.pack()),
        "state": {name: _keep(value, f"state[{name!r}]") for name, value in run.state.items() if not _remade(value)},
        "updates": {name: [_number(row[name]) for row in run.updates] for name in (run.updates or [{}])[0]},
    }


def _unpack(run: Run, kept: dict) -> None:
    run.agent.unpack(kept["agent"])
    for name, value in kept["state"].items():
        run.state[name] = _restored(run.state.get(name), value)
    names = list(kept["updates"])
    run.updates = [dict(zip(names, row, strict=True)) for row in zip(*kept["updates"].values(), strict=True)]
    run.seconds = kept["seconds"]


def _plain(value: object) -> object:
    """Arrays as tensors, which a checkpoint holds."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    return {name: _plain(item) for name, item in value.items()} if isinstance(value, dict) else value


def _keep(value: Any, where: str) -> Any:
    """Tensors and numbers as they are; of an object (Adam) its public attributes, which must be such."""
    if isinstance(value, torch.Tensor) or type(value) in NUMBERS:
        return value
    if type(value) in (list, tuple):
        return [_keep(item, where) for item in value]
    if type(value) is dict and all(type(name) in NUMBERS for name in value):
        return {name: _keep(item, f"{where}[{name!r}]") for name, item in value.items()}
    if hasattr(value, "__dict__"):
        return {OBJECT: {name: _keep(item, f"{where}.{name}") for name, item in vars(value).items() if name[0] != "_"}}
    return {PACKED: pack({where: value})}  # of numpy, say


def _remade(value: object) -> bool:
    """Whether nothing of it lasts: an object without public attributes (the branches of the vine)."""
    return hasattr(value, "__dict__") and not isinstance(value, torch.Tensor) and all(n[0] == "_" for n in vars(value))


def _restored(now: Any, kept: Any) -> Any:
    """``kept`` in the place of ``now``; objects and their tensors stay the same ones, since others hold them."""
    if isinstance(kept, dict) and PACKED in kept:
        return made(kept[PACKED], now)
    if isinstance(kept, dict) and OBJECT in kept:
        for name, value in kept[OBJECT].items():
            setattr(now, name, _restored(getattr(now, name, None), value))
        return now
    if isinstance(kept, torch.Tensor):
        alike = isinstance(now, torch.Tensor) and (now.shape, now.dtype) == (kept.shape, kept.dtype)
        return now.copy_(kept) if alike else kept
    if isinstance(kept, list):
        held = [*now, *[None] * len(kept)] if isinstance(now, list | tuple) else [None] * len(kept)
        made_anew = [_restored(*pair) for pair in zip(held, kept, strict=False)]
        return tuple(made_anew) if isinstance(now, tuple) else made_anew
    if isinstance(kept, dict):
        old = now if isinstance(now, dict) else {}
        return {name: _restored(old.get(name), value) for name, value in kept.items()}
    return kept


def _number(value: float) -> float:
    """One of Python's: a checkpoint with one of numpy's could not be read."""
    return value.item() if isinstance(value, np.generic) else value
