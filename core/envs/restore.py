"""Objects put into a state that ``core/envs/state.py`` has packed.

They were made as those that were packed, and are changed in place: arrays stay the same arrays, so that views of a
simulator remain views, and objects the same objects. Where an object has no counterpart it is made anew, of a class
that is loaded, and without running its code.
"""

import collections
import copyreg
import functools
import operator
import random
from typing import Any

import gymnasium
import numpy as np
import torch

from core.envs.state import ABSENT, NAMED, NotKept, attributes_of, base_of, find, name_of


def unpack(roots: dict[str, object], state: dict) -> None:
    """Put ``roots``, made as those that were packed, into ``state``. Raises NotKept; they are then in between."""
    unpacker = _Unpacker(state)
    try:
        made = [unpacker.make(*part) for part in zip(state["roots"], roots.values(), roots, strict=True)]
    except Exception as error:  # of an attribute that is more than that
        raise error if isinstance(error, NotKept) else NotKept(f"it cannot be written ({error!r:.200})") from None
    if not all(map(operator.is_, made, roots.values())):
        raise NotKept("it is not what was kept")


def made(state: dict, now: object) -> object:
    """What was packed alone, in the place of ``now`` where it can be. Raises NotKept."""
    (found,) = state["roots"]
    return _Unpacker(state).make(found, now, "it")


class _Unpacker:
    def __init__(self, state: dict):
        self._nodes, self._data = state["nodes"], state["data"].numpy()
        self._made: dict[int, Any] = {}  # things by their node's number
        self._taken: set[int] = set()  # identities of those that have a node

    def make(self, found: Any, now: Any, where: str) -> Any:
        """What ``found`` stands for, in the place of ``now``: that itself where it can be."""
        if not isinstance(found, list):
            return found
        (number,) = found
        if number not in self._made:
            kind, *parts = self._nodes[number]
            if id(now) in self._taken and kind not in ("any", "same"):  # by another that was kept: they were not one
                now = ABSENT
            where = type(now).__name__ if isinstance(now, gymnasium.Env) else where
            made = getattr(self, "_" + kind.replace(" ", "_"))(number, now, where, *parts)
            self._made[number] = made
            self._taken.add(id(made))
        return self._made[number]

    def _all(self, found: list, now: list, where: str) -> list:
        now = [*now, *[ABSENT] * (len(found) - len(now))]
        return [self.make(part, old, f"{where}[{i}]") for i, (part, old) in enumerate(zip(found, now, strict=False))]

    def _is(self, number: int, thing: object) -> None:
        """What is in ``thing`` may lead back to it."""
        self._made[number] = thing
        self._taken.add(id(thing))

    def _array(self, number, now, where, descr, shape, order, start, size):
        dtype = np.lib.format.descr_to_dtype(descr if isinstance(descr, str) else [tuple(part) for part in descr])
        kept = np.frombuffer(self._data[start : start + size].tobytes(), dtype).reshape(shape, order=order)
        if type(now) is not np.ndarray or (now.dtype, now.shape) != (kept.dtype, kept.shape):
            return kept.copy(order)
        if not now.flags.writeable:
            return now if now.tobytes(order) == kept.tobytes(order) else kept.copy(order)
        now[...] = kept
        return now

    def _scalar(self, number, now, where, *how):
        return self._array(number, ABSENT, where, *how)[()]

    def _objects(self, number, now, where, shape, found):
        fits = type(now) is np.ndarray and now.dtype == object and list(now.shape) == shape and now.flags.writeable
        target = now if fits else np.empty(shape, object)
        self._is(number, target)
        for i, value in enumerate(self._all(found, target.ravel().tolist(), where)):
            target[np.unravel_index(i, shape)] = value
        return target

    def _tensor(self, number, now, where, kept):
        if isinstance(now, torch.Tensor) and (now.shape, now.dtype) == (kept.shape, kept.dtype):
            now.detach().copy_(kept)
            return now
        return kept.clone()

    def _fields(self, number, now, where, fields, parts):
        """A simulator's arrays; those of another shape are of its contacts, which each step makes anew."""
        if now is ABSENT or not type(now).__module__.startswith("mujoco"):
            raise NotKept(f"{where} cannot be made anew")
        self._is(number, now)
        for name, found in fields.items():
            old = getattr(now, name)
            if not isinstance(old, np.ndarray):
                setattr(now, name, found)
            elif list(old.shape) == self._nodes[found[0]][2]:
                self._array(number, old, where, *self._nodes[found[0]][1:])
        held = {"MjData": ["model"], "MjModel": ["opt", "stat"]}.get(type(now).__name__, [])
        for name, found in zip(held, parts, strict=True):
            self.make(found, getattr(now, name), f"{where}.{name}")
        return now

    def _generator(self, number, now, where, name, found, seeds):
        state, seeds = (self.make(part, ABSENT, where) for part in (found, seeds))
        alike = isinstance(now, np.random.Generator) and type(now.bit_generator).__name__ == name
        if not alike or (seeds and repr(getattr(now.bit_generator.seed_seq, "state", None)) != repr(seeds)):
            now = np.random.Generator(getattr(np.random, name)(np.random.SeedSequence(**seeds) if seeds else None))
        now.bit_generator.state = state
        return now

    def _numpy_random(self, number, now, where, found):
        now = now if isinstance(now, np.random.RandomState) else np.random.RandomState()
        now.set_state(self.make(found, ABSENT, where))
        return now

    def _random(self, number, now, where, found):
        now = now if isinstance(now, random.Random) else random.Random()
        now.setstate(self.make(found, ABSENT, where))
        return now

    def _torch_random(self, number, now, where, state):
        return (now if isinstance(now, torch.Generator) else torch.Generator()).set_state(state)

    def _any(self, number, now, where):
        return None if now is ABSENT else now

    def _same(self, number, now, where, kind, name):
        if name_of(type(now)) != kind or str(getattr(now, "name", "")) != name:
            raise NotKept(f"{where} was another {kind.rpartition(':')[2]}")
        return now

    def _member(self, number, now, where, kind, name):
        return find(kind, where)[name]

    def _method(self, number, now, where, found, name):
        owner = self.make(found, getattr(now, "__self__", ABSENT), where)
        return now if getattr(now, "__self__", ABSENT) is owner and now.__name__ == name else getattr(owner, name)

    def _name(self, number, now, where, name):
        return now if isinstance(now, NAMED) and name_of(now) == name else find(name, where)

    def _constant(self, number, now, where, text):
        if repr(now) != text:
            raise NotKept(f"{where} was {text:.80}, and cannot be made anew")
        return now

    def _complex(self, number, now, where, real, imag):
        return complex(real, imag)

    def _frozen(self, number, now, where, kind, found):
        old = list(now) if isinstance(now, tuple | frozenset) else []
        items = self._all(found, old, where)
        if name_of(type(now)) == kind and len(items) == len(old) and all(map(operator.is_, items, old)):
            return now
        kind = find(kind, where)
        return kind._make(items) if hasattr(kind, "_make") else kind(items)

    def _partial(self, number, now, where, found):
        old = (now.func, now.args, now.keywords) if isinstance(now, functools.partial) else ABSENT
        function, arguments, named = made = self.make(found, old, where)
        return now if made is old else functools.partial(function, *arguments, **named)

    def _bytes(self, number, now, where, content):
        if type(now) is not bytearray:
            return bytearray(content)
        now[:] = content
        return now

    def _object(self, number, now, where, kind, attributes, items, extra):
        if name_of(type(now)) != kind or (isinstance(now, collections.deque) and now.maxlen != extra):
            made = find(kind, where)
            now = base_of(made).__new__(made)
            if isinstance(now, collections.deque):
                now.__init__((), extra)
        self._is(number, now)
        old, slots = attributes_of(now), copyreg._slotnames(type(now))
        for name in old.keys() - attributes.keys():
            object.__delattr__(now, name) if name in slots else vars(now).pop(name)
        for name, found in attributes.items():
            value = self.make(found, old.get(name, ABSENT), f"{where}.{name}")
            if name in slots:
                object.__setattr__(now, name, value)
            else:
                vars(now)[name] = value
        if isinstance(now, dict):
            keys = self._all([key for key, _ in items], list(now), where)
            pairs = zip(keys, (value for _, value in items), strict=True)
            made = {key: self.make(found, now.get(key, ABSENT), f"{where}[{key!r:.40}]") for key, found in pairs}
            now.clear()
            now.update(made)
            if isinstance(now, collections.defaultdict):
                now.default_factory = self.make(extra, now.default_factory, where)
        elif items is not None:
            made = self._all(items, [] if isinstance(now, set) else list(now), where)
            now.clear()
            now.update(made) if isinstance(now, set) else now.extend(made)
        return now
