"""The Gaussian policy: a network for the mean, and a log standard deviation that no state changes."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from core.networks import MLP

HIDDEN = (64, 64)  # PPO paper, section 6.1


class Gaussian(NamedTuple):
    """Diagonal Gaussians: ``mean`` (N × A) and one ``log_std`` (A) for all of them."""

    mean: torch.Tensor
    log_std: torch.Tensor


def logp(dist: Gaussian, act: torch.Tensor) -> torch.Tensor:
    """log π(act), shape (N), in nats."""
    z = (act - dist.mean) * torch.exp(-dist.log_std)
    dims = dist.log_std.shape[-1]
    return -0.5 * (z * z).sum(-1) - dist.log_std.sum() - 0.5 * dims * math.log(2 * math.pi)


def kl(old: Gaussian, new: Gaussian) -> torch.Tensor:
    """KL(old ‖ new) at each state, shape (N), in nats."""
    gap = old.mean - new.mean
    spread = torch.exp(2 * old.log_std) + gap * gap
    return (new.log_std - old.log_std + 0.5 * spread * torch.exp(-2 * new.log_std) - 0.5).sum(-1)


def entropy(dist: Gaussian) -> torch.Tensor:
    """Entropy in nats: a scalar, since no state changes the standard deviation."""
    return (dist.log_std + 0.5 * math.log(2 * math.pi * math.e)).sum()


@dataclass(frozen=True)
class Policy:
    """π_θ as pure functions of θ: the mean network's vector, then the ``act_dim`` log-stds."""

    obs_dim: int
    act_dim: int

    @functools.cached_property
    def net(self) -> MLP:
        """The network of the mean."""
        return MLP((self.obs_dim, *HIDDEN, self.act_dim))

    @property
    def size(self) -> int:
        """Length of θ."""
        return self.net.size + self.act_dim

    def init(self, rng: np.random.Generator) -> torch.Tensor:
        """Initial θ (float32): last layer scaled to 0.01, log-std 0 (Baselines 2017, da99706)."""
        log_std = np.zeros(self.act_dim, np.float32)
        return torch.from_numpy(np.concatenate([self.net.init(rng, last_scale=0.01), log_std]))

    def dist(self, theta: torch.Tensor, obs: torch.Tensor) -> Gaussian:
        """π_θ(· | obs) for observations (N × O)."""
        weights, log_std = self.split(theta)
        return Gaussian(self.net(weights, obs), log_std)

    def split(self, theta: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The mean network's vector and the log-stds."""
        return theta.split([len(theta) - self.act_dim, self.act_dim])

    def logp(self, theta: torch.Tensor, obs: torch.Tensor, act: torch.Tensor) -> torch.Tensor:
        """log π_θ(act | obs), shape (N)."""
        return logp(self.dist(theta, obs), act)

    def actor(self, theta: torch.Tensor) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """``act(obs, noise)`` in numpy: mean + std · noise, for rows of observations and noise."""
        vector = theta.numpy()
        mean = self.net.numpy(vector[: -self.act_dim])
        std = np.exp(vector[-self.act_dim :])
        return lambda obs, noise: mean(obs) + std * noise
