"""A really trained policy, made in seconds, for the topics that need one."""

import dataclasses
import functools

import torch

from algos import trpo
from core.agent import Agent
from core.environments import Environments
from core.rollout import Batch, make_batch, sample
from core.run import Common, Run

TASK_ID = "Hopper-v4"
STEPS = 60_000  #: enough for hops that do not yet go on: returns of a few hundred


@functools.cache
def hopper(batch: int = 2048) -> tuple[Agent, Batch, Environments]:
    """TRPO on Hopper after 60,000 steps: the agent, a batch of its own, and the environments, to sample more from.

    Shared by all who ask: work on clones of ``agent.theta``, and sample with the agent as it is.
    """
    torch.set_num_threads(1)
    cfg = trpo.Config()
    run = Run("trpo", TASK_ID, dataclasses.asdict(cfg) | dataclasses.asdict(Common()), STEPS, seed=0)
    while run.status == "running":
        run.iterate()
    run.envs.budget = 10**9  # what follows is measuring, not training
    roll = sample(run.agent, run.envs, batch)
    return run.agent, make_batch(run.agent, roll, cfg.gamma, cfg.lam), run.envs
