"""The value function V_φ."""

import functools
from dataclasses import dataclass

import numpy as np
import torch

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
