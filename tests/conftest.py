import pytest
import torch

from core.agent import new_agent
from core.environments import Environments
from core.rollout import make_batch, sample
from core.seeding import streams

pytest_plugins = ["missing"]

torch.set_num_threads(1)


@pytest.fixture
def start():
    """Makes (agent, environments), wired as in a run; ``jolt`` moves θ off its nearly zero initial means."""

    def make(
        task_id="InvertedPendulum-v4",
        envs=2,
        budget=10_000,
        *,
        obs_clip=5.0,
        clip_actions=False,
        jolt=0.1,
        staggered=False,
    ):
        random = streams(0, envs)
        copies = Environments(task_id, random.env_seeds, budget, clip_actions)
        copies.staggered = staggered
        agent = new_agent(copies.obs_dim, copies.act_dim, random, obs_clip)
        noise = torch.randn(agent.theta.shape, generator=torch.Generator().manual_seed(0))
        agent.theta += jolt * noise
        return agent, copies

    return make


@pytest.fixture(params=[False, True], ids=["eager", "compiled"])
def learner(start, request):
    """Makes (agent, batch): 200 steps of Reacher, limits reached, with the observation filter already at work.

    What is done with them runs once uncompiled and once compiled.
    """

    def make(**how):
        agent, envs = start("Reacher-v4", **how)
        agent.filter.update(make_batch(agent, sample(agent, envs, 60), 0.99, 0.95).raw_obs)
        batch = make_batch(agent, sample(agent, envs, 200), 0.99, 0.95)
        agent.compiled = request.param
        agent._graphs.clear()
        return agent, batch

    return make
