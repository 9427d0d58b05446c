"""Tanh networks whose parameters are one flat vector, so that θ is what the lecture calls θ."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class MLP:
    """A fully connected tanh network with a linear last layer, as pure functions of a flat vector.

    ``sizes`` is ``(inputs, hidden …, outputs)``. The vector holds, layer by layer, the weights
    (inputs × outputs, row major) and then the biases.
    """

    sizes: tuple[int, ...]

    @cached_property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the layers' weights and biases, in the order of the vector."""
        return [s for i, o in itertools.pairwise(self.sizes) for s in ((i, o), (o,))]

    @cached_property
    def lengths(self) -> list[int]:
        """Lengths of the pieces of the vector that :attr:`shapes` describes."""
        return [math.prod(shape) for shape in self.shapes]

    @property
    def size(self) -> int:
        """Length of the flat vector."""
        return sum(self.lengths)

    def init(self, rng: np.random.Generator, last_scale: float) -> np.ndarray:
        """Initial vector (float32): normalised columns, biases zero.

        Each unit's incoming weights are a normal draw scaled to length 1, in the last layer to
        length ``last_scale`` (``normc_initializer`` of Baselines 2017, da99706).
        """
        pieces = []
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(self.sizes)):
            scale = last_scale if layer == len(self.sizes) - 2 else 1.0
            weight = rng.standard_normal((inputs, outputs))
            weight *= scale / np.sqrt(np.square(weight).sum(axis=0, keepdims=True))
            pieces += [weight.ravel(), np.zeros(outputs)]
        return np.concatenate(pieces).astype(np.float32)

    def __call__(self, vector: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Outputs (N × outputs) at inputs ``x`` (N × inputs), differentiable in ``vector``."""
        pieces = vector.split(self.lengths)
        last = len(pieces) - 2
        for i in range(0, len(pieces), 2):
            x = torch.addmm(pieces[i + 1], x, pieces[i].view(self.shapes[i]))
            if i != last:
                x = torch.tanh(x)
        return x

    def jvp(self, vector: torch.Tensor, along: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Outputs at ``x``, and their derivative by ``vector`` in the direction ``along`` (both N × outputs)."""
        pieces, moves = vector.split(self.lengths), along.split(self.lengths)
        dx: Any = None  # the inputs do not move
        for i in range(0, len(pieces), 2):
            weight, dweight = pieces[i].view(self.shapes[i]), moves[i].view(self.shapes[i])
            dy = torch.addmm(moves[i + 1], x, dweight)
            dx = dy if dx is None else torch.addmm(dy, dx, weight)
            x = torch.addmm(pieces[i + 1], x, weight)
            if i != len(pieces) - 2:
                x = torch.tanh(x)
                dx = dx * (1 - x * x)
        return x, dx

    def numpy(self, vector: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """The same function of ``x`` in numpy, for acting: at a few rows a call, torch costs more than
        the arithmetic. Views, not copies: it follows in-place changes of ``vector``.
        """
        bounds = np.cumsum(self.lengths)[:-1]
        pieces = [p.reshape(s) for p, s in zip(np.split(vector, bounds), self.shapes, strict=True)]
        *hidden, (last_weight, last_bias) = list(zip(pieces[::2], pieces[1::2], strict=True))

        def forward(x: np.ndarray) -> np.ndarray:
            for weight, bias in hidden:
                x = np.dot(x, weight)
                x += bias
                np.tanh(x, out=x)
            return np.dot(x, last_weight) + last_bias

        return forward
