"""A really trained policy and a batch of its own, for the topics that need one.

    python -m lecture.trained        makes lecture/hopper.safetensors anew: seconds

They lie in a file because training is chaotic: a processor that rounds another way ends with another policy, and the
numbers of the topics would be others on every machine.
"""

import dataclasses
import functools
from pathlib import Path

import safetensors.torch
import torch

from algos import trpo
from core.agent import Agent, Batch, new_agent
from core.policy import Gaussian, logp
from core.rollout import make_batch, sample
from core.run import Common, Run
from core.streams import streams

TASK_ID = "Hopper-v4"
STEPS = 60_000  #: enough for hops that do not yet go on: returns of a few hundred
BATCH = 2048
FILE = Path(__file__).with_name("hopper.safetensors")


def train() -> dict[str, torch.Tensor]:
    """TRPO on Hopper for 60,000 steps, and a batch of 2,048 more with advantages as TRPO makes them."""
    cfg = trpo.Config()
    run = Run("trpo", TASK_ID, dataclasses.asdict(cfg) | dataclasses.asdict(Common()), STEPS, seed=0)
    while run.status == "running":
        run.iterate()
    run.envs.budget += BATCH
    agent = run.agent
    batch = make_batch(agent, sample(agent, run.envs, BATCH), cfg.gamma, cfg.lam)
    return {
        "theta": agent.theta,
        "phi": agent.phi,
        **{f"filter_{name}": torch.as_tensor(value) for name, value in agent.filter.pack().items()},
        "raw_obs": torch.from_numpy(batch.raw_obs),
        "act": batch.act,
        "adv": batch.adv,
        "ret": batch.ret,
    }


@functools.cache
def hopper() -> tuple[Agent, Batch]:
    """The agent and the batch of the file. Shared by all who ask: work on clones of ``agent.theta``."""
    torch.set_num_threads(1)
    saved = safetensors.torch.load_file(FILE)
    raw_obs, act = saved["raw_obs"].numpy(), saved["act"]
    agent = new_agent(raw_obs.shape[1], act.shape[1], streams(0, Common().envs), Common().obs_clip)
    agent.theta.copy_(saved["theta"])
    agent.phi.copy_(saved["phi"])
    agent.filter.unpack({name: saved[f"filter_{name}"] for name in ("count", "mean", "sq")})
    obs = torch.from_numpy(agent.filter(raw_obs))
    with torch.no_grad():
        old = agent.policy.dist(agent.theta, obs)
        old = Gaussian(old.mean, old.log_std.clone())
        val = agent.value(agent.phi, obs)
    return agent, Batch(obs, act, old, logp(old, act), val, saved["adv"], saved["ret"], raw_obs, Common().envs)


if __name__ == "__main__":
    safetensors.torch.save_file(train(), FILE)
