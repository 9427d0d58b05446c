"""The observation filter."""

import numpy as np

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

    def pack(self) -> dict:
        """Its statistics, as plain data."""
        return {"count": self.count, "mean": self.mean, "sq": self.sq}

    def unpack(self, packed: dict) -> None:
        """Go on from :meth:`pack`; arrays may be tensors by now. Raises ValueError where they are of another shape."""
        self.count = int(packed["count"])
        self.mean, self.sq = (np.array(packed[name]).reshape(self.mean.shape) for name in ("mean", "sq"))
        self._refresh()


class NoFilter:
    """Raw observations, as float32."""

    def __call__(self, obs: np.ndarray) -> np.ndarray:
        """The observations, unchanged."""
        return obs.astype(np.float32)

    def update(self, obs: np.ndarray) -> None:
        """Nothing to learn."""

    def pack(self) -> dict:
        """Nothing to keep."""
        return {}

    def unpack(self, packed: dict) -> None:
        """Nothing to go on from."""
