"""Gradients, Adam and minibatches, over flat vectors."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from core.graph import Graph


def gradient(f: Callable, vectors: Sequence[torch.Tensor], *data: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """∇f by each of ``vectors``, where ``f(*vectors, *data)`` is a scalar."""
    leaves = [v.detach().requires_grad_() for v in vectors]
    return torch.autograd.grad(f(*leaves, *data), leaves)


class Adam:
    """Adam on ``loss(*vectors, *data)`` (Kingma and Ba 2015, Algorithm 1, in its bias-corrected form).

    A step, gradient and all, is one graph (``core/graph.py``). It moves the flat ``vectors`` in place.

    Attributes: ``count``, steps so far; ``first`` and ``second``, the moments of each vector.
    """

    def __init__(self, loss: Callable, vectors: Sequence[torch.Tensor], compiled: bool = False, eps: float = 1e-8):
        self.first = [torch.zeros_like(vector) for vector in vectors]
        self.second = [torch.zeros_like(vector) for vector in vectors]
        self.count = 0
        self._vectors, n = tuple(vectors), len(vectors)

        def step(rates, *tensors):
            x, first, second, data = tensors[:n], tensors[n : 2 * n], tensors[2 * n : 3 * n], tensors[3 * n :]
            grads = gradient(loss, x, *data)
            rate, unbias = rates.unbind()
            for x_, grad, m, v in zip(x, grads, first, second, strict=True):
                m.mul_(0.9).add_(grad, alpha=0.1)
                v.mul_(0.999).addcmul_(grad, grad, value=0.001)
                x_.sub_(rate * m / (v.sqrt() * unbias + eps))

        self._step = Graph(step, compiled)

    def descend(self, *data: torch.Tensor, step_size: float) -> None:
        """One step against the gradient at ``data``."""
        self.count += 1
        rates = np.array([step_size / (1 - 0.9**self.count), (1 - 0.999**self.count) ** -0.5])
        self._step(torch.from_numpy(rates), *self._vectors, *self.first, *self.second, *data)


def minibatches(
    arrays: Sequence[torch.Tensor], size: int, rng: np.random.Generator
) -> Iterator[tuple[torch.Tensor, ...]]:
    """One pass over the rows of ``arrays`` in random order, ``size`` rows at a time.

    Every row comes exactly once; the last minibatch holds what is left.
    """
    order = torch.from_numpy(rng.permutation(len(arrays[0])))
    shuffled = [array[order] for array in arrays]
    return zip(*(array.split(size) for array in shuffled), strict=True)
