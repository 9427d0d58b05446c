"""Sampling with the current policy, and the batch that is made of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from core.advantage import gae, next_values
from core.agent import Agent, Batch
from core.envs.recorded import Environments
from core.policy import Gaussian, logp


@dataclass
class Rollout:
    """A rectangle of T rows × E environments, as sampled."""

    raw_obs: np.ndarray  #: T × E × O, float64
    obs: np.ndarray  #: T × E × O, filtered, float32
    act: np.ndarray  #: T × E × A, float32
    rew: np.ndarray  #: T × E, float64
    terminated: np.ndarray  #: T × E
    truncated: np.ndarray  #: T × E
    terminal: np.ndarray  #: T × E, ends after which the learner expects nothing more (``Environments.terminal``)
    taken: np.ndarray  #: T × E, False where an environment waited for the others
    final_obs: dict[tuple[int, int], np.ndarray]  #: raw, where truncated
    last_obs: np.ndarray  #: E × O, raw, what follows the last row


def sample(
    agent: Agent,
    envs: Environments,
    steps: int,
    whole_episodes: bool = False,
    before_row: Callable[[int], None] = lambda row: None,
) -> Rollout:
    """Run π_θ for ``steps`` steps over all environments, across episode ends.

    With ``whole_episodes`` no environment starts an episode once ``steps`` are taken, and every one ends
    the episode it is in, so that every return to go is complete. ``before_row`` is called with the number of each
    row before it is stepped.

    Raises BudgetSpent where the budget does not reach so far.
    """
    if whole_episodes and envs.staggered:
        raise TypeError("whole episodes are not staggered: the method says so by whole_episodes(cfg)")
    act_row, noise = agent.policy.actor(agent.theta), _noise(agent, envs, rows=-(-steps // len(envs)))
    running = np.arange(len(envs))
    taken = np.ones(len(envs), bool)
    rows: list[tuple] = []
    final_obs: dict[tuple[int, int], np.ndarray] = {}
    start = envs.steps
    while len(running):
        before_row(len(rows))
        raw_obs = envs.obs
        obs = agent.filter(raw_obs)
        act = act_row(obs, next(noise))
        rew, terminated, truncated, final = envs.step(act, running)
        if final:
            final_obs |= {(len(rows), i): o for i, o in final.items()}
        rows.append((raw_obs, obs, act, rew, terminated, truncated, envs.terminal(terminated, truncated), taken))
        if envs.steps - start >= steps:
            if not whole_episodes:
                break
            running = running[~(terminated | truncated)[running]]
            taken = np.isin(np.arange(len(envs)), running)
    columns = (np.concatenate(column).reshape(len(rows), *column[0].shape) for column in zip(*rows, strict=True))
    parts: tuple[Any, ...] = (*columns, final_obs, envs.obs.copy())
    return Rollout(*parts)


def make_batch(agent: Agent, roll: Rollout, gamma: float, lam: float, *, critic: bool = True) -> Batch:
    """Log-probabilities, values and advantages for a rollout.

    ``critic`` False takes V ≡ 0 and λ = 1: the advantages are the returns to go of REINFORCE.
    """
    taken = roll.taken
    flat_obs, flat_act = torch.from_numpy(roll.obs[taken]), torch.from_numpy(roll.act[taken])
    done = roll.terminated | roll.truncated
    val, final_val, last_val = np.zeros(taken.shape), np.zeros(taken.shape), np.zeros(taken.shape[1])
    with torch.no_grad():
        # On the whole batch and as the update does it, not while acting: the first ratio is 1.
        mean, logp_old, flat_val = agent.graph(_evaluate)(agent.theta, agent.phi, flat_obs, flat_act)
    if critic:
        val[taken] = flat_val
        following = np.stack([*roll.last_obs, *roll.final_obs.values()])
        following_val = agent.value.net.numpy(agent.phi.numpy())(agent.filter(following))[:, 0]
        last_val = following_val[: len(last_val)]
        for where, value in zip(roll.final_obs, following_val[len(last_val) :], strict=True):
            final_val[where] = value
    next_val = next_values(val, last_val, final_val, roll.terminal, roll.truncated)
    adv = gae(roll.rew, val, next_val, done, gamma, lam if critic else 1.0)
    return Batch(
        obs=flat_obs,
        act=flat_act,
        old=Gaussian(mean, agent.theta[-agent.policy.act_dim :].clone()),
        logp=logp_old,
        val=torch.from_numpy(val[taken]).float(),
        adv=torch.from_numpy(adv[taken]).float(),
        ret=torch.from_numpy((adv + val)[taken]).float(),
        raw_obs=roll.raw_obs[taken],
        envs=taken.shape[1],
    )


def _noise(agent: Agent, envs: Environments, rows: int) -> Iterator[np.ndarray]:
    """Standard normal draws, E × A at a time; ``rows`` of them at once, which is faster."""
    while True:
        yield from agent.streams.noise.standard_normal((rows, len(envs), envs.act_dim), np.float32)


def _evaluate(agent, theta, phi, obs, act):
    """Means, log-probabilities and values of a batch."""
    dist = agent.policy.dist(theta, obs)
    return dist.mean, logp(dist, act), agent.value(phi, obs)


def collect(agent: Agent, envs: Environments, cfg: Any, state: dict) -> Batch:
    """The default way to a batch: ``cfg.batch`` steps and GAE with ``cfg.gamma`` and ``cfg.lam``."""
    return make_batch(agent, sample(agent, envs, cfg.batch), cfg.gamma, cfg.lam)
