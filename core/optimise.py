"""Gradients, Adam and minibatches, over flat vectors."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch


def gradient(f: Callable, vectors: Sequence[torch.Tensor], *data: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """∇f by each of ``vectors``, where ``f(*vectors, *data)`` is a scalar."""
    leaves = [v.detach().requires_grad_() for v in vectors]
    return torch.autograd.grad(f(*leaves, *data), leaves)


class Adam:
    """Adam on one flat vector (Kingma and Ba 2015, Algorithm 1, in its bias-corrected form)."""

    def __init__(self, like: torch.Tensor, eps: float = 1e-8):
        self.first = torch.zeros_like(like)
        self.second = torch.zeros_like(like)
        self.count = 0
        self.eps = eps

    def descend(self, x: torch.Tensor, grad: torch.Tensor, step_size: float) -> None:
        """Move ``x`` in place against ``grad``."""
        self.count += 1
        self.first.mul_(0.9).add_(grad, alpha=0.1)
        self.second.mul_(0.999).addcmul_(grad, grad, value=0.001)
        unbias = 1 - 0.9**self.count
        scale = (1 - 0.999**self.count) ** -0.5
        x.addcdiv_(self.first, self.second.sqrt().mul_(scale).add_(self.eps), value=-step_size / unbias)


def minibatches(
    arrays: Sequence[torch.Tensor], size: int, rng: np.random.Generator
) -> Iterator[tuple[torch.Tensor, ...]]:
    """One pass over the rows of ``arrays`` in random order, ``size`` rows at a time.

    Every row comes exactly once; the last minibatch holds what is left.
    """
    order = torch.from_numpy(rng.permutation(len(arrays[0])))
    shuffled = [array[order] for array in arrays]
    return zip(*(array.split(size) for array in shuffled), strict=True)
