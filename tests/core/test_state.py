"""The state of a task, packed and put into another: the same to the bit, in place, whole or refused."""

import collections
import enum
import functools
import io
import os
import pathlib
import random
import re
import subprocess
import sys
import threading
import types

import gymnasium
import mujoco
import numpy as np
import own_tasks
import pytest
import torch

from core.envs.restore import unpack
from core.envs.state import NotKept, pack
from study.plan import ROOT


class Thing(types.SimpleNamespace):
    """Whatever is put into it."""

    def method(self):
        return self

    def other(self):
        return None


class Colour(enum.Enum):
    """Two."""

    RED, GREEN = 1, 2


Pair = collections.namedtuple("Pair", "left right")


def through_a_file(state):
    """As a checkpoint is written and read: no class of ours may be in it."""
    stream = io.BytesIO()
    torch.save(state, stream)
    stream.seek(0)
    return torch.load(stream, weights_only=True)


def moved(one, other):
    """``other`` in the state of ``one``."""
    unpack({"it": other}, through_a_file(pack({"it": one})))
    return other


VALUES = {
    "numbers": (1, 2.5, True, None, "text", b"bytes", 2**100, -0.0, 3 + 4j, float("inf")),
    "numpy": [np.float32(0.1), np.int8(3), np.bool_(True), np.str_("x"), np.datetime64("2020-01-01")],
    "containers": {"list": [1, [2]], ("a", 1): {3}, "frozen": frozenset({4}), "pair": Pair(1, [2])},
    "collections": [collections.deque([1, 2], 3), collections.OrderedDict(a=1), collections.Counter("aab")],
    "constants": [
        np.dtype("f4"),
        torch.float32,
        torch.device("cpu"),
        torch.tanh,
        re.compile("x"),
        pathlib.Path("a"),
        range(3),
    ],
    "functions": [np.add, np.mean, len, torch.nn.functional.relu, Pair, int.from_bytes, Colour.RED],
    "bytes": bytearray(b"ab"),
    "nested": Thing(a=Thing(b=[Thing(c=1)])),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_come_back_as_they_were_where_there_were_others(name):
    there = list(VALUES[name]) if name == "constants" else None
    same = moved(Thing(value=VALUES[name]), Thing(value=there, more=1))
    assert not hasattr(same, "more")
    assert (same.value, type(same.value)) == (VALUES[name], type(VALUES[name]))
    if name == "numpy":
        assert [type(value) for value in same.value] == [type(value) for value in VALUES[name]]
    if name == "collections":
        assert same.value[0].maxlen == 3
        assert [type(value) for value in same.value] == [type(value) for value in VALUES[name]]


ARRAYS = [
    np.arange(6.0).reshape(2, 3),
    np.asfortranarray(np.arange(6).reshape(2, 3)),
    np.array(1.5, np.float16),
    np.zeros((0, 3), np.float32),
    np.array([True, False]),
    np.array(["a", "bc"]),
    np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    np.array([1, "a", None, [2]], object),
    np.array([np.nan, -0.0, np.inf]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: str(array.dtype))
@pytest.mark.parametrize("there", ["another", "of another shape", "none"])
def test_arrays_are_written_into_where_they_fit(array, there):
    before = {"another": np.empty_like(array), "of another shape": np.empty(9), "none": None}[there]
    made = moved(Thing(a=array), Thing(a=before)).a
    assert (made.dtype, made.shape, made.flags.fnc) == (array.dtype, array.shape, array.flags.fnc)
    assert made.tolist() == array.tolist() if array.dtype == object else made.tobytes() == array.tobytes()
    assert (made is before) == (there == "another")
    assert made.flags.writeable


def test_random_streams_go_on():
    def streams(seed):
        spawned = np.random.default_rng(seed)
        spawned.spawn(seed)
        kinds = [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64]
        made = [np.random.Generator(kind(seed)) for kind in kinds]
        return Thing(all=[*made, spawned, np.random.RandomState(seed), random.Random(seed)], torch=torch.Generator())

    def draws(thing):
        *generators, spawned, old, own = thing.all
        spawning = [child.random() for child in spawned.spawn(2)]
        return (
            [g.random() for g in generators],
            spawning,
            old.rand(),
            own.gauss(0, 1),
            torch.rand(1, generator=thing.torch),
        )

    one, other, twin = streams(1), streams(2), streams(3)
    draws(one)
    for target in (moved(one, other), moved(one, twin)):
        assert target is not one
    expected = draws(one)
    assert draws(other) == draws(twin) == expected


def test_what_is_one_stays_one_and_what_is_two_two():
    shared, circle = [1], Thing()
    circle.self, circle.through = circle, [circle]
    one = Thing(a=shared, b=shared, c=[1], circle=circle)
    both = [0]
    other = Thing(a=[5], b=[6], c=both, d=both, circle=Thing(self=None, through=[]))
    held, own = other.a, other.circle
    moved(one, other)
    assert other.a is other.b is held and other.c is not other.a and other.c == [1]
    assert other.circle is own and own.self is own and own.through[0] is own
    two = Thing(a=[1], b=[1])
    both = [0]
    moved(two, apart := Thing(a=both, b=both))
    assert apart.a == apart.b == [1] and apart.a is both and apart.b is not both


def test_methods_are_bound_to_what_was_restored_and_functions_are_found_again():
    one, other = Thing(function=len), Thing(function=max)
    one.how, other.how = one.other, other.method
    one.part = functools.partial(min, [3, 4])
    other.part = functools.partial(min, [9])
    one.draw, other.draw = (rng := np.random.default_rng(1)).normal, np.random.default_rng(2).normal
    expected = np.random.default_rng(1).normal()
    moved(one, other)
    assert other.how == other.other and other.how.__self__ is other
    assert (other.function, other.part()) == (len, 3)
    assert other.draw() == expected and rng.normal() == expected


def test_views_of_a_simulator_remain_views():
    one, other = (gymnasium.make("own_tasks:GoalHopper-v0", disable_env_checker=True) for _ in range(2))
    for env, seed in ((one, 0), (other, 1)):
        env.reset(seed=seed)
        env.unwrapped.height = env.unwrapped.data.qpos[1:2]
    one.step(np.ones(3))
    data, model = other.unwrapped.data, other.unwrapped.model
    moved(one, other)
    assert (other.unwrapped.data, other.unwrapped.model) == (data, model), "the same simulator"
    assert other.unwrapped.height == one.unwrapped.height
    data.qpos[1] = 7.0
    assert other.unwrapped.height == 7.0
    assert other.unwrapped.target == one.unwrapped.target


def test_a_changed_model_is_state_unless_it_is_known_not_to_change():
    one, other = (gymnasium.make("own_tasks:Randomised-v0", disable_env_checker=True).unwrapped for _ in range(2))
    one.reset(seed=0), other.reset(seed=1)
    moved(one, other)
    assert other.model.body_mass.tobytes() == one.model.body_mass.tobytes()
    assert other.model.opt.gravity[2] == one.model.opt.gravity[2] != -9.81
    small, large = (len(pack({"it": one}, models)["data"]) for models in (False, True))
    assert small < 20_000 < large


HIDDEN = {
    "generator": lambda: (i for i in range(3)),
    "list_iterator": lambda: iter([1]),
    "StringIO": io.StringIO,
    "lock": threading.Lock,
    "mappingproxy": lambda: types.MappingProxyType({}),
    "MjSpec": mujoco.MjSpec,
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_hides_its_state_is_refused_by_its_place(name):
    env = own_tasks.Base()
    env.deep = {"x": [Thing(it=HIDDEN[name]())]}
    with pytest.raises(NotKept, match=rf"^Base.deep\['x'\]\[0\].it is an? {name}$"):
        pack({"it": env})


def test_attributes_that_are_more_than_that_are_no_crash():
    class Odd(dict):
        def items(self):
            raise ImportError("no such thing here")

    class Fixed(dict):
        def update(self, *_):
            raise RuntimeError

    with pytest.raises(NotKept, match=r"it cannot be read \(ImportError\('no such thing here'\)\)"):
        pack({"it": Thing(a=Odd())})
    deep = []
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(NotKept, match="nested too deeply"):
        pack({"it": Thing(a=deep)})
    with pytest.raises(NotKept, match="it cannot be written"):
        moved(Thing(a=Fixed(b=1)), Thing(a=Fixed()))


def test_a_class_that_adds_to_one_of_c_hides_something_too():
    class Own(random.Random):
        pass

    with pytest.raises(NotKept, match=r"it.rng is an Own"):
        pack({"it": Thing(rng=Own(1))})


def test_what_cannot_be_made_anew_is_said():
    class Local:
        pass

    state = pack({"it": Thing(a=Local())})
    assert type(moved(Thing(a=Local()), other := Thing(a=Local())).a) is Local and other
    with pytest.raises(NotKept, match=r"it.a: .*Local cannot be made anew"):
        unpack({"it": Thing(a=None)}, state)
    with pytest.raises(NotKept, match=r"it.a was re.compile\('x'\), and cannot be made anew"):
        moved(Thing(a=re.compile("x")), Thing(a=re.compile("y")))


def test_no_code_runs_where_a_thing_is_made_anew():
    class Guard(Thing):
        def __init__(self):
            raise AssertionError

        def __setattr__(self, name, value):
            raise AssertionError

    globals()["Guard"], Guard.__qualname__ = Guard, "Guard"
    made = Thing.__new__(Guard)
    vars(made)["value"] = 3
    assert vars(moved(Thing(a=made), Thing(a=None)).a) == {"value": 3}


def test_equal_sets_have_equal_digests_in_every_process():
    """The order of a set of texts is another in each; else a variable of a module would seem to have changed."""
    value = "{'modes': {'a', 'b', 'c', 'd'}, 'n': frozenset({1, None, 'x'})}"
    code = f"from core.envs.shared import _digest; print(_digest({value}))"
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(said) == 1 and len(said.pop()) > 8
