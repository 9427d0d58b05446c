"""RMSprop with a bound on the gradient's norm: what A2C steps with."""

from collections.abc import Callable, Sequence

import torch

from core.compile import Graph


class RMSprop:
    """RMSprop (Hinton, lecture 6e), in TensorFlow's form that A2C's results are from: ε under the root.

    ``gradients(*vectors, *data)`` gives a gradient for each of the flat ``vectors``; together they are first
    shortened to the norm ``max_norm``. A step is one graph (``core/compile.py``) and moves the vectors in place.

    Attributes: ``square``, the mean squares of each vector's gradients. They start at 1, as TensorFlow's do, so
    that the first steps are small.
    """

    def __init__(
        self,
        gradients: Callable,
        vectors: Sequence[torch.Tensor],
        decay: float,
        eps: float,
        max_norm: float,
        compiled: bool = False,
    ):
        self.square = [torch.ones_like(vector) for vector in vectors]
        self._vectors, n = tuple(vectors), len(vectors)

        def step(step_size, *tensors):
            x, square, data = tensors[:n], tensors[n : 2 * n], tensors[2 * n :]
            grads = clip_norm(gradients(*x, *data), max_norm)
            for x_, grad, sq in zip(x, grads, square, strict=True):
                sq.mul_(decay).addcmul_(grad, grad, value=1 - decay)
                x_.sub_(step_size * grad / (sq + eps).sqrt_())

        self._step = Graph(step, compiled)

    def descend(self, *data: torch.Tensor, step_size: float) -> None:
        """One step against the gradients at ``data``."""
        self._step(torch.tensor(step_size, dtype=torch.float64), *self._vectors, *self.square, *data)


def clip_norm(grads: Sequence[torch.Tensor], limit: float) -> tuple[torch.Tensor, ...]:
    """Gradients scaled together so that their joint Euclidean norm is at most ``limit``."""
    norm = torch.sqrt(sum((grad @ grad) for grad in grads))
    scale = torch.clamp(limit / (norm + 1e-6), max=1.0)
    return tuple(grad * scale for grad in grads)
