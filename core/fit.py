"""The fit of V_φ (step 2 of the lecture's actor-critic)."""

from typing import Any

import torch

from core.adam import Adam
from core.agent import Agent, Batch


def value_adam(agent: Agent) -> Adam:
    """Adam on φ, for :func:`fit_value`."""
    return Adam(agent, agent.phi)


def fit_value(agent: Agent, batch: Batch, cfg: Any, adam: Adam) -> None:
    """Regress V_φ on ``batch.ret`` in place: ``cfg.value_epochs`` passes of minibatch Adam."""
    for _ in range(cfg.value_epochs):
        adam.epoch(value_loss, (batch.obs, batch.ret), size=cfg.value_minibatch, step_size=cfg.value_step)


def value_loss(agent: Agent, phi: torch.Tensor, rows: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """mean[ (V_φ − ret)² ], for rows of observations and returns."""
    obs, ret = rows
    return ((agent.value(phi, obs) - ret) ** 2).mean()
