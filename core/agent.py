"""What an algorithm's ``update`` works on."""

from dataclasses import dataclass

import torch

from core.normalise import NoFilter, ObservationFilter
from core.policy import Policy
from core.seeding import Streams
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


def new_agent(obs_dim: int, act_dim: int, streams: Streams, obs_clip: float | None) -> Agent:
    """A fresh agent; ``obs_clip`` None means that observations are not filtered."""
    policy, value = Policy(obs_dim, act_dim), Value(obs_dim)
    return Agent(
        policy=policy,
        value=value,
        theta=policy.init(streams.init),
        phi=value.init(streams.init),
        filter=NoFilter() if obs_clip is None else ObservationFilter(obs_dim, obs_clip),
        streams=streams,
    )
