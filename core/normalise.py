"""Observation filter and advantage standardisation."""

import numpy as np
import torch

FLOOR = 1e-2  #: Baselines' (mpi_running_mean_std.py)


class ObservationFilter:
    """(obs − mean) / std over all observations of the past batches, clipped.

    A variance counts as at least ``floor``, so that constant inputs stay near zero.

    It changes between batches only: one that moves between acting and the update makes the first ratio
    differ from 1. Until the first update it passes observations through, clipped.

    Attributes: ``count``; ``mean`` and ``sq`` (sum of squared deviations), float64, shape (O).
    """

    def __init__(self, obs_dim: int, clip: float, floor: float = FLOOR):
        self.clip, self.floor = clip, floor
        self.count = 0
        self.mean = np.zeros(obs_dim)
        self.sq = np.zeros(obs_dim)
        self._refresh()

    def _refresh(self) -> None:
        var = self.sq / self.count if self.count else np.ones_like(self.sq)
        self._inv_std = 1 / np.sqrt(np.maximum(var, self.floor))

    def __call__(self, obs: np.ndarray) -> np.ndarray:
        """Filtered observations (… × O), float32, for raw ones."""
        out = obs - self.mean
        out *= self._inv_std
        np.minimum(np.maximum(out, -self.clip, out=out), self.clip, out=out)  # faster than np.clip on a few rows
        return out.astype(np.float32)

    def update(self, obs: np.ndarray) -> None:
        """Merge a batch of raw observations (N × O) into the statistics (Chan et al. 1983)."""
        n = len(obs)
        mean = obs.mean(axis=0)
        total = self.count + n
        gap = mean - self.mean
        self.sq += np.square(obs - mean).sum(axis=0) + gap**2 * (self.count * n / total)
        self.mean += gap * (n / total)
        self.count = total
        self._refresh()


class NoFilter:
    """Raw observations, as float32."""

    def __call__(self, obs: np.ndarray) -> np.ndarray:
        """The observations, unchanged."""
        return obs.astype(np.float32)

    def update(self, obs: np.ndarray) -> None:
        """Nothing to learn."""


def standardise(adv: torch.Tensor) -> torch.Tensor:
    """Advantages with mean 0 and standard deviation 1 over the batch.

    Zeros where they are equal: their deviation is then not 0 but a rounding or two of their size, and would become 1.
    """
    std = adv.std(correction=0)
    if std <= 4 * torch.finfo(adv.dtype).eps * adv.abs().max():
        return torch.zeros_like(adv)
    return (adv - adv.mean()) / (std + 1e-8)
