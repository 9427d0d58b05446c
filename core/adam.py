"""Adam over flat vectors, step by step or by minibatches."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import numpy as np
import torch

from core.agent import Agent
from core.compile import Graph, filled, gradient, leaves

Rows = TypeVar("Rows", bound=tuple)


class Adam:
    """Adam on the flat ``vectors`` (Kingma and Ba 2015, Algorithm 1, in its bias-corrected form), moved in place.

    A step, gradient and all, or a few steps in a row are one graph (``core/compile.py``).

    Attributes: ``count``, steps so far; ``first`` and ``second``, the moments of each vector.
    """

    def __init__(self, agent: Agent, *vectors: torch.Tensor, eps: float = 1e-8):
        self.first = [torch.zeros_like(vector) for vector in vectors]
        self.second = [torch.zeros_like(vector) for vector in vectors]
        self.count = 0
        self._agent, self._vectors, self._eps = agent, vectors, eps
        self._graphs: dict[Callable, Graph] = {}

    def descend(self, loss: Callable, rows: tuple, *constants: object, step_size: float) -> None:
        """One step against the gradient of ``loss(agent, *vectors, rows, *constants)``, a function of a module."""
        self._move(loss, 1, step_size, rows, constants)

    def epoch(self, loss: Callable, rows: tuple, *constants: object, size: int, step_size: float) -> None:
        """One pass over ``rows`` in random order, a step on each minibatch of ``size``.

        Every row comes exactly once; the last minibatch holds what is left. ``rows`` is a NamedTuple or a tuple of
        tensors with one row a step; the loss gets it in parts, and ``constants`` whole.
        """
        for count, block in blocks(rows, size, self._agent.streams.shuffle):
            self._move(loss, count, step_size, block, constants)

    def _move(self, loss: Callable, steps: int, step_size: float, rows: tuple, constants: tuple) -> None:
        counts = np.arange(self.count + 1, self.count + steps + 1)
        self.count += steps
        rates = np.stack([step_size / (1 - 0.9**counts), (1 - 0.999**counts) ** -0.5], axis=1)
        if loss not in self._graphs:
            self._graphs[loss] = Graph(partial(_steps, partial(loss, self._agent), self._eps), self._agent.compiled)
        moments = tuple(self.first), tuple(self.second)
        self._graphs[loss](torch.from_numpy(rates), self._vectors, *moments, rows, constants)


def _steps(
    loss: Callable,
    eps: float,
    rates: torch.Tensor,
    x: tuple,
    first: tuple,
    second: tuple,
    rows: tuple,
    constants: tuple,
) -> None:
    """As many steps of Adam on the vectors ``x`` as ``rates`` has rows, each with its part of the rows of the data."""
    parts = [row.chunk(len(rates)) for row in leaves(rows)]
    for k, (rate, unbias) in enumerate(map(torch.unbind, rates.unbind())):
        grads = gradient(loss, x, filled(rows, iter([part[k] for part in parts])), *constants)
        for x_, grad, m, v in zip(x, grads, first, second, strict=True):
            m.mul_(0.9).add_(grad, alpha=0.1)
            v.mul_(0.999).addcmul_(grad, grad, value=0.001)
            x_.sub_(rate * m / (v.sqrt() * unbias + eps))


def blocks(rows: Rows, size: int, rng: np.random.Generator, most: int = 4) -> Iterator[tuple[int, Rows]]:
    """Rows in random order, each once, as blocks of up to ``most`` minibatches of ``size`` with their number.

    Blocks are equal, so that one graph serves them; the last holds the minibatch of what is left.
    """
    arrays = leaves(rows)
    order = torch.from_numpy(rng.permutation(len(arrays[0])))
    shuffled = [array[order] for array in arrays]
    whole = len(order) // size
    count = next(n for n in range(most, 0, -1) if whole % n == 0)
    for start in range(0, whole * size, count * size):
        yield count, filled(rows, iter([array[start : start + count * size] for array in shuffled]))
    if len(order) % size:
        yield 1, filled(rows, iter([array[whole * size :] for array in shuffled]))
