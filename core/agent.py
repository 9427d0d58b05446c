"""What an algorithm's ``update`` works on: the agent, and the batch."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from core.compile import Graph, gradient
from core.normalise import FLOOR, NoFilter, ObservationFilter
from core.policy import Gaussian, Policy
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
        """``f(agent, …)`` as a graph of its tensors. ``f`` is a function of a module: its graph is made once."""
        return self._once(f, partial(f, self))

    def gradient(self, f: Callable) -> Graph:
        """The gradient of ``f(agent, vector, …)``, a scalar, by ``vector``; made once, too."""
        return self._once((f, "gradient"), lambda vector, *data: gradient(partial(f, self), (vector,), *data)[0])

    def _once(self, key: object, f: Callable) -> Graph:
        if key not in self._graphs:
            self._graphs[key] = Graph(f, self.compiled)
        return self._graphs[key]

    def pack(self) -> dict:
        """θ, φ, the filter and the random streams, as plain data."""
        packed = {"filter": self.filter.pack(), "streams": self.streams.pack()}
        return {"theta": self.theta, "phi": self.phi, **packed}

    def unpack(self, packed: dict) -> None:
        """Go on from :meth:`pack`; the vectors stay the same ones."""
        self.theta.copy_(packed["theta"])
        self.phi.copy_(packed["phi"])
        self.filter.unpack(packed["filter"])
        self.streams.unpack(packed["streams"])


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


class Sampled(NamedTuple):
    """What a loss asks of N steps."""

    obs: torch.Tensor  #: N × O, filtered
    act: torch.Tensor  #: N × A, as drawn, never clipped
    logp: torch.Tensor  #: N, log π_old(act | obs)
    adv: torch.Tensor  #: N
    ret: torch.Tensor  #: N, the value function's target


@dataclass
class Batch:
    """N steps, as tensors (float32) in order of time and, within one time, of environment."""

    obs: torch.Tensor  #: N × O, filtered
    act: torch.Tensor  #: N × A, as drawn, never clipped
    old: Gaussian  #: the distributions that drew them
    logp: torch.Tensor  #: N, log π_old(act | obs)
    val: torch.Tensor  #: N, V_φ(obs) before the update
    adv: torch.Tensor  #: N, not normalised
    ret: torch.Tensor  #: N, the value function's target, adv + val
    raw_obs: np.ndarray  #: N × O, as the task gave them: for the filter
    envs: int  #: E, the environments that the steps are of

    def steps(self, adv: torch.Tensor) -> Sampled:
        """The steps with these advantages (N)."""
        return Sampled(self.obs, self.act, self.logp, adv, self.ret)

    def every(self, n: int) -> torch.Tensor:
        """Every n-th of ``obs``, from all environments alike."""
        return self.obs[spaced(len(self.obs), n, self.envs)]


def spaced(rows: int, n: int, envs: int) -> slice | list[int]:
    """Every n-th row of a batch in order of time and, within one time, of environment.

    Where ``n`` and ``envs`` have a common factor, ``[::n]`` would see the same environments at each time. So the rows
    taken then move on by one whenever they are back at the first environment.
    """
    common, back = math.gcd(n, envs), math.lcm(n, envs)
    if common == 1:
        return slice(None, None, n)
    shifted = (row + row // back % common for row in range(0, rows, n))
    return [row for row in shifted if row < rows]
