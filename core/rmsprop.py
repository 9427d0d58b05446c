"""What A2C steps with: RMSprop with a bound on the gradient's norm, and a step size that falls over the run."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from core.agent import Agent
from core.compile import Graph, gradient


class RMSprop:
    """RMSprop (Hinton, lecture 6e), in TensorFlow's form that A2C's results are from: ε under the root.

    The gradients by the flat ``vectors`` are together shortened to the norm ``max_norm`` first. A step is one graph
    (``core/compile.py``) and moves the vectors in place.

    Attributes: ``square``, the mean squares of each vector's gradients. They start at 1, as TensorFlow's do, so
    that the first steps are small.
    """

    def __init__(self, agent: Agent, *vectors: torch.Tensor, decay: float, eps: float, max_norm: float):
        self.square = [torch.ones_like(vector) for vector in vectors]
        self._agent, self._vectors = agent, vectors
        self._how = {"decay": decay, "eps": eps, "max_norm": max_norm}
        self._graphs: dict[Callable, Graph] = {}

    def descend(self, loss: Callable, *data: object, step_size: float) -> None:
        """One step against the gradient of ``loss(agent, *vectors, *data)``, a function of a module."""
        if loss not in self._graphs:
            self._graphs[loss] = Graph(partial(_step, partial(loss, self._agent), self._how), self._agent.compiled)
        rate = torch.tensor(step_size, dtype=torch.float64)
        self._graphs[loss](rate, self._vectors, tuple(self.square), data)


def _step(loss: Callable, how: dict, rate: torch.Tensor, x: tuple, square: tuple, data: tuple) -> None:
    grads = clip_norm(gradient(loss, x, *data), how["max_norm"])
    for x_, grad, sq in zip(x, grads, square, strict=True):
        sq.mul_(how["decay"]).addcmul_(grad, grad, value=1 - how["decay"])
        x_.sub_(rate * grad / (sq + how["eps"]).sqrt_())


def clip_norm(grads: Sequence[torch.Tensor], limit: float) -> tuple[torch.Tensor, ...]:
    """Gradients scaled together so that their joint Euclidean norm is at most ``limit``."""
    square: Any = sum((grad @ grad) for grad in grads)
    scale = torch.clamp(limit / (torch.sqrt(square) + 1e-6), max=1.0)
    return tuple(grad * scale for grad in grads)


def left(steps: int, of: float) -> float:
    """The share of ``of`` environment steps that is left after ``steps``: 1 at first, in a line to 0, then 0.

    A step size is multiplied by it (Baselines ea25b9e, a2c/utils.py, schedule "linear"). Where ``of`` is 0 it is 1
    all along.
    """
    return max(0.0, 1 - steps / of) if of else 1.0
