"""Gradients, Adam and minibatches, over flat vectors."""

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from core.compile import Graph


def gradient(f: Callable, vectors: Sequence[torch.Tensor], *data: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """∇f by each of ``vectors``, where ``f(*vectors, *data)`` is a scalar."""
    leaves = [v.detach().requires_grad_() for v in vectors]
    return torch.autograd.grad(f(*leaves, *data), leaves)


class Adam:
    """Adam on ``loss(*vectors, *data)`` (Kingma and Ba 2015, Algorithm 1, in its bias-corrected form).

    A step, gradient and all, or a few steps in a row are one graph (``core/compile.py``). They move the flat
    ``vectors`` in place.

    Attributes: ``count``, steps so far; ``first`` and ``second``, the moments of each vector.
    """

    def __init__(self, loss: Callable, vectors: Sequence[torch.Tensor], compiled: bool = False, eps: float = 1e-8):
        self.first = [torch.zeros_like(vector) for vector in vectors]
        self.second = [torch.zeros_like(vector) for vector in vectors]
        self.count = 0
        self._vectors = tuple(vectors)
        self._graph = functools.partial(_steps, loss, eps, len(self._vectors))
        self._compiled, self._graphs = compiled, {}

    def descend(self, *data: torch.Tensor, step_size: float) -> None:
        """One step against the gradient at ``data``."""
        self._move(1, step_size, data, ())

    def epoch(
        self,
        rows: Sequence[torch.Tensor],
        size: int,
        rng: np.random.Generator,
        *,
        step_size: float,
        constants: Sequence[torch.Tensor] = (),
    ) -> None:
        """One pass over the rows of ``rows`` in random order, a step on each minibatch of ``size``.

        Every row comes exactly once; the last minibatch holds what is left. The loss gets ``constants``, whole each
        time, before the rows.
        """
        for count, block in blocks(rows, size, rng):
            self._move(count, step_size, constants, block)

    def _move(self, steps: int, step_size: float, constants: Sequence, rows: Sequence) -> None:
        counts = np.arange(self.count + 1, self.count + steps + 1)
        self.count += steps
        rates = np.stack([step_size / (1 - 0.9**counts), (1 - 0.999**counts) ** -0.5], axis=1)
        if len(constants) not in self._graphs:
            self._graphs[len(constants)] = Graph(functools.partial(self._graph, len(constants)), self._compiled)
        graph = self._graphs[len(constants)]
        graph(torch.from_numpy(rates), *self._vectors, *self.first, *self.second, *constants, *rows)


def _steps(loss: Callable, eps: float, n: int, constants: int, rates: torch.Tensor, *tensors: torch.Tensor) -> None:
    """As many steps of Adam on ``n`` vectors as ``rates`` has rows, each with its part of the rows of the data."""
    x, first, second, data = tensors[:n], tensors[n : 2 * n], tensors[2 * n : 3 * n], tensors[3 * n :]
    parts = [row.chunk(len(rates)) for row in data[constants:]]
    for k, (rate, unbias) in enumerate(map(torch.unbind, rates.unbind())):
        grads = gradient(loss, x, *data[:constants], *(part[k] for part in parts))
        for x_, grad, m, v in zip(x, grads, first, second, strict=True):
            m.mul_(0.9).add_(grad, alpha=0.1)
            v.mul_(0.999).addcmul_(grad, grad, value=0.001)
            x_.sub_(rate * m / (v.sqrt() * unbias + eps))


def blocks(
    rows: Sequence[torch.Tensor], size: int, rng: np.random.Generator, most: int = 4
) -> Iterator[tuple[int, tuple[torch.Tensor, ...]]]:
    """Rows in random order, each once, as blocks of up to ``most`` minibatches of ``size`` with their number.

    Blocks are equal, so that one graph serves them; the last holds the minibatch of what is left.
    """
    order = torch.from_numpy(rng.permutation(len(rows[0])))
    shuffled = [array[order] for array in rows]
    whole = len(order) // size
    count = next(n for n in range(most, 0, -1) if whole % n == 0)
    for start in range(0, whole * size, count * size):
        yield count, tuple(array[start : start + count * size] for array in shuffled)
    if len(order) % size:
        yield 1, tuple(array[whole * size :] for array in shuffled)
