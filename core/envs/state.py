"""The whole state of objects, tasks with their wrappers, as plain data; ``core/envs/restore.py`` is the way back.

Attributes and items are followed from object to object. What is met twice is kept once, so that circles and shared
objects come back as such. Functions, classes and drawing are constant. What hides its state, such as a generator, is
refused by its place: a state is whole or not at all.
"""

import collections
import enum
import functools
import logging
import pathlib
import random
import re
import sys
import types
from copyreg import _slotnames  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Any

import gymnasium
import mujoco
import numpy as np
import torch
from gymnasium.envs.registration import EnvSpec

PLAIN = (type(None), bool, int, float, str, bytes)
NAMED = (type, types.FunctionType, types.BuiltinFunctionType, np.ufunc, type(np.mean))
CONSTANT = (np.dtype, torch.dtype, torch.device, re.Pattern, pathlib.PurePath, range, logging.Logger, types.ModuleType)
DRAWING = ("gymnasium.envs.mujoco.mujoco_rendering", "mujoco.renderer", "mujoco.rendering", "pygame", "glfw", "OpenGL")
DICTS = (dict, collections.OrderedDict, collections.defaultdict)
OPEN = (object, types.SimpleNamespace, list, set, collections.deque, *DICTS)  #: hide nothing; nor do classes of them
ABSENT = object()


class NotKept(TypeError):
    """A thing that hides its state; the message is its place, and what it is."""


def pack(roots: dict[str, object], models: bool = True, ordered: bool = False) -> dict:
    """The state of ``roots``, by name, with all that they hold: lists, dictionaries, numbers, texts and tensors.

    Without ``models`` MuJoCo's models are taken to be as they were made. With ``ordered`` equal sets give the same
    state, whatever their order; sets of anything but numbers and texts are refused. Raises NotKept.
    """
    packer = _Packer(models, ordered)
    try:
        found = [packer.see(root, name) for name, root in roots.items()]
    except RecursionError:
        raise NotKept("it is nested too deeply") from None
    except Exception as error:  # of an attribute that is more than that
        raise error if isinstance(error, NotKept) else NotKept(f"it cannot be read ({error!r:.200})") from None
    data = torch.frombuffer(bytearray(b"".join(packer.pool)) or bytearray(1), dtype=torch.uint8)
    return {"roots": found, "nodes": packer.nodes, "data": data}


class _Packer:
    """Nodes are lists: a kind and what it takes. A thing in a node is plain, or a list with the number of its node."""

    def __init__(self, models: bool, ordered: bool):
        self.nodes: list[Any] = []
        self.pool: dict[bytes, int] = {}  # the bytes of all arrays, by content, in order: what is equal stands once
        self._models, self._ordered, self._size = models, ordered, 0
        self._seen: dict[int, int] = {}  # numbers by identity, which stand for things as long as these live
        self._alive: list[object] = []

    def see(self, value: Any, where: str) -> object:
        if type(value) in PLAIN:
            return value
        identity = value._address if isinstance(value, mujoco.MjModel) else id(value)
        if identity not in self._seen:
            self._seen[identity] = number = len(self.nodes)
            self._alive.append(value)
            self.nodes.append(None)
            where = type(value).__name__ if isinstance(value, gymnasium.Env) else where
            self.nodes[number] = self._node(value, where)
        return [self._seen[identity]]

    def _all(self, values, where: str) -> list:
        if self._ordered and isinstance(values, set | frozenset):
            if not all(type(value) in PLAIN for value in values):
                raise NotKept(f"{where} has no order")
            values = sorted(values, key=lambda value: (type(value).__name__, repr(value)))
        return [self.see(value, f"{where}[{i}]") for i, value in enumerate(values)]

    def _named(self, values: dict, where: str) -> dict:
        return {name: self.see(value, f"{where}.{name}") for name, value in values.items()}

    def _node(self, value: Any, where: str) -> list:
        kind: type = type(value)
        if kind is np.ndarray and value.dtype == object:
            return ["objects", list(value.shape), self._all(value.ravel().tolist(), where)]
        if kind is np.ndarray or isinstance(value, np.generic):
            order = "F" if value.flags.fnc else "C"
            content = value.tobytes(order)
            if content not in self.pool:
                self.pool[content] = self._size
                self._size += len(content)
            shape, what = list(value.shape), "array" if kind is np.ndarray else "scalar"
            return [what, np.lib.format.dtype_to_descr(value.dtype), shape, order, self.pool[content], len(content)]
        if kind in (torch.Tensor, torch.nn.Parameter):
            return ["tensor", value.detach().clone()]
        if isinstance(value, mujoco.MjData):
            model = self.see(value.model, f"{where}.model")
            return ["fields", self._named(arrays_of(value) | {"time": value.time}, where), [model]]
        if isinstance(value, mujoco.MjModel):
            if not self._models:
                return ["any"]
            parts = [self.see(part, f"{where}.{name}") for name, part in (("opt", value.opt), ("stat", value.stat))]
            return ["fields", self._named(arrays_of(value), where), parts]
        if isinstance(value, mujoco.MjOption | mujoco.MjStatistic):
            numbers = {n: v for n in dir(value) if n[0] != "_" and isinstance(v := getattr(value, n), int | float)}
            return ["fields", self._named(arrays_of(value) | numbers, where), []]
        if kind is np.random.Generator:
            bits, seeds = value.bit_generator, getattr(value.bit_generator, "seed_seq", None)
            seeds = seeds.state if isinstance(seeds, np.random.SeedSequence) else None
            return ["generator", type(bits).__name__, self.see(bits.state, where), self.see(seeds, where)]
        if kind is np.random.RandomState:
            return ["numpy random", self.see(value.get_state(legacy=False), where)]
        if kind is random.Random:
            return ["random", self.see(value.getstate(), where)]
        if kind is torch.Generator:
            return ["torch random", value.get_state()]
        if kind is EnvSpec or kind.__module__.startswith(DRAWING):  # of no matter to a step
            return ["any"]
        if _view(kind):
            return ["same", name_of(kind), str(getattr(value, "name", ""))]
        if isinstance(value, enum.Enum):
            return ["member", name_of(kind), value.name]
        if callable(value) and not isinstance(getattr(value, "__self__", None), types.ModuleType | None):
            return ["method", self.see(value.__self__, where), value.__name__]
        if isinstance(value, NAMED):
            return ["name", name_of(value)]
        if isinstance(value, CONSTANT):
            return ["constant", repr(value)]
        if kind is complex:
            return ["complex", value.real, value.imag]
        if kind in (tuple, frozenset) or (isinstance(value, tuple) and hasattr(kind, "_fields")):
            return ["frozen", name_of(kind), self._all(value, where)]
        if kind is functools.partial:
            return ["partial", self.see((value.func, value.args, value.keywords), where)]
        if kind is bytearray:
            return ["bytes", bytes(value)]
        base, items, extra = base_of(kind), None, None
        if base not in OPEN or _hides(kind, base):
            raise NotKept(f"{where} is a{'n' * (kind.__name__[0] in 'aeiouAEIOU')} {kind.__name__}")
        if base in DICTS:
            items = [[self.see(k, f"{where}, a key"), self.see(v, f"{where}[{k!r:.40}]")] for k, v in value.items()]
            extra = self.see(getattr(value, "default_factory", None), where)
        elif issubclass(base, list | set | collections.deque):
            items, extra = self._all(value, where), getattr(value, "maxlen", None)
        return ["object", name_of(kind), self._named(attributes_of(value), where), items, extra]


def arrays_of(thing: object) -> dict[str, np.ndarray]:
    """All arrays of a part of MuJoCo: of a simulator its state proper, and what a task reads of the last step."""
    arrays = {name: getattr(thing, name) for name in dir(thing) if name[0] != "_"}
    return {name: array for name, array in arrays.items() if isinstance(array, np.ndarray) and array.size}


def _view(kind: type) -> bool:
    """Whether it is a part of MuJoCo that only shows what is elsewhere, or that draws."""
    return kind.__module__.startswith("mujoco._") and kind.__name__.startswith(("_Mj", "Mjv", "Mjr", "mjt"))


def base_of(kind: type) -> type:
    """The nearest class that is not made in Python, as pickle finds it."""
    for base in kind.__mro__:
        new = base.__new__
        if not base.__flags__ & 1 << 9 or (isinstance(new, types.BuiltinFunctionType) and new.__self__ is base):
            return base
    return object


@functools.cache
def _hides(kind: type, base: type) -> bool:
    """Whether its things are larger than those of a class that is made in Python and has as many attributes."""
    slots = [f"s{i}" for i in range(len(_slotnames(kind)))]
    slots += ["__dict__"] * (kind.__dictoffset__ != base.__dictoffset__)
    slots += ["__weakref__"] * (kind.__weakrefoffset__ != base.__weakrefoffset__)
    return kind.__basicsize__ > type("Like", (base,), {"__slots__": slots}).__basicsize__


def attributes_of(thing: object) -> dict:
    """All attributes of its own, those in slots too."""
    slots = [name for name in _slotnames(type(thing)) if hasattr(thing, name)]
    return {**getattr(thing, "__dict__", {}), **{name: getattr(thing, name) for name in slots}}


def name_of(thing: Any) -> str:
    """Of a class or a function, by which a process that has it finds it."""
    return f"{getattr(thing, '__module__', None) or 'builtins'}:{getattr(thing, '__qualname__', thing.__name__)}"


def find(name: str, where: str) -> Any:
    """What has this name in a module that is loaded."""
    module, _, path = name.partition(":")
    try:
        return functools.reduce(getattr, path.split("."), sys.modules[module])
    except (KeyError, AttributeError):
        raise NotKept(f"{where}: {name} cannot be made anew") from None
