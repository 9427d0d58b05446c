"""What an algorithm's ``update`` works on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch

from core.adam import gradient
from core.compile import Graph
from core.normalise import FLOOR, NoFilter, ObservationFilter
from core.policy import Policy
from core.streams import Streams
from core.value import Value


@dataclass
class Agent:
    """A policy and a value function with their vectors, which updates change in place."""

    policy: Policy
    value: Value
    theta: torch.Tensor  #: θ, flat, float32
    phi: torch.Tensor  #: φ, flat, float32
    filter: ObservationFilter | NoFilter  #: frozen while a batch is sampled and learned from
    streams: Streams
    compiled: bool = False  #: whether graphs are compiled (``core/compile.py``)
    _graphs: dict = field(default_factory=dict, init=False, repr=False)

    def graph(self, f: Callable) -> Graph:
        """``f(agent, *tensors)`` as a graph of its tensors. ``f`` is a function of a module: its graph is made once."""
        return self._once(f, partial(f, self))

    def gradient(self, f: Callable) -> Graph:
        """The gradient of ``f(agent, vector, *tensors)``, a scalar, by ``vector``; made once, too."""
        return self._once((f, "gradient"), lambda vector, *data: gradient(partial(f, self), (vector,), *data)[0])

    def _once(self, key: object, f: Callable) -> Graph:
        if key not in self._graphs:
            self._graphs[key] = Graph(f, self.compiled)
        return self._graphs[key]


def new_agent(
    obs_dim: int,
    act_dim: int,
    streams: Streams,
    obs_clip: float | None,
    compiled: bool = False,
    obs_floor: float = FLOOR,
) -> Agent:
    """A fresh agent; ``obs_clip`` None means that observations are not filtered."""
    policy, value = Policy(obs_dim, act_dim), Value(obs_dim)
    return Agent(
        policy=policy,
        value=value,
        theta=policy.init(streams.init),
        phi=value.init(streams.init),
        filter=NoFilter() if obs_clip is None else ObservationFilter(obs_dim, obs_clip, obs_floor),
        streams=streams,
        compiled=compiled,
    )
