"""RMSprop on one flat vector, and the clipping of a gradient's norm: what A2C steps with."""

import torch


class RMSprop:
    """RMSprop (Hinton, lecture 6e), in TensorFlow's form that A2C's results are from: ε under the root.

    The mean square starts at 1, as TensorFlow's does, so that the first steps are small.
    """

    def __init__(self, like: torch.Tensor, decay: float, eps: float):
        self.square = torch.ones_like(like)
        self.decay = decay
        self.eps = eps

    def descend(self, x: torch.Tensor, grad: torch.Tensor, step_size: float) -> None:
        """Move ``x`` in place against ``grad``."""
        self.square.mul_(self.decay).addcmul_(grad, grad, value=1 - self.decay)
        x.addcdiv_(grad, (self.square + self.eps).sqrt_(), value=-step_size)


def clip_norm(grads: tuple[torch.Tensor, ...], limit: float) -> tuple[torch.Tensor, ...]:
    """Gradients scaled together so that their joint Euclidean norm is at most ``limit``."""
    norm = torch.sqrt(sum((grad @ grad) for grad in grads))
    scale = torch.clamp(limit / (norm + 1e-6), max=1.0)
    return tuple(grad * scale for grad in grads)
