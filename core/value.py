"""The value function V_φ and its fit (step 2 of the lecture's actor-critic)."""

import functools
from dataclasses import dataclass

import numpy as np
import torch

from core.adam import Adam
from core.networks import MLP
from core.policy import HIDDEN


@dataclass(frozen=True)
class Value:
    """V_φ as a pure function of the flat vector φ; it shares nothing with the policy."""

    obs_dim: int

    @functools.cached_property
    def net(self) -> MLP:
        """The network, with one output."""
        return MLP((self.obs_dim, *HIDDEN, 1))

    def init(self, rng: np.random.Generator) -> torch.Tensor:
        """Initial φ (float32): normalised columns throughout (Baselines 2017, da99706)."""
        return torch.from_numpy(self.net.init(rng, last_scale=1.0))

    def __call__(self, phi: torch.Tensor, obs: torch.Tensor) -> torch.Tensor:
        """V_φ(obs), shape (N), in units of the raw return."""
        return self.net(phi, obs).squeeze(-1)


def value_adam(agent) -> Adam:
    """Adam on φ, for :func:`fit_value`."""
    return Adam(lambda phi, obs, ret: ((agent.value(phi, obs) - ret) ** 2).mean(), (agent.phi,), agent.compiled)


def fit_value(agent, batch, cfg, adam: Adam) -> None:
    """Regress V_φ on ``batch.ret`` in place: ``cfg.value_epochs`` passes of minibatch Adam."""
    for _ in range(cfg.value_epochs):
        adam.epoch((batch.obs, batch.ret), cfg.value_minibatch, agent.streams.shuffle, step_size=cfg.value_step)
