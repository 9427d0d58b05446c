"""Sampling with the current policy, and the batch that an update sees."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from core.advantage import gae, next_values
from core.agent import Agent
from core.envs.recorded import Environments
from core.policy import Gaussian, logp


@dataclass
class Batch:
    """N steps, as tensors (float32) in order of time and, within one time, of environment."""

    obs: torch.Tensor  #: N × O, filtered
    act: torch.Tensor  #: N × A, as drawn, never clipped
    old: Gaussian  #: the distributions that drew them
    logp: torch.Tensor  #: N, log π_old(act | obs)
    val: torch.Tensor  #: N, V_φ(obs) before the update
    adv: torch.Tensor  #: N, not normalised
    ret: torch.Tensor  #: N, the value function's target, adv + val
    raw_obs: np.ndarray  #: N × O, as the task gave them: for the filter
    envs: int  #: E, the environments that the steps are of

    def every(self, n: int) -> torch.Tensor:
        """Every n-th of ``obs``, from all environments alike."""
        return self.obs[spaced(len(self.obs), n, self.envs)]


def spaced(rows: int, n: int, envs: int) -> slice | list[int]:
    """Every n-th row of a batch in order of time and, within one time, of environment.

    Where ``n`` and ``envs`` have a common factor, ``[::n]`` would see the same environments at each time. So the rows
    taken then move on by one whenever they are back at the first environment.
    """
    common, back = math.gcd(n, envs), math.lcm(n, envs)
    if common == 1:
        return slice(None, None, n)
    shifted = (row + row // back % common for row in range(0, rows, n))
    return [row for row in shifted if row < rows]


@dataclass
class Rollout:
    """A rectangle of T rows × E environments, as sampled."""

    raw_obs: np.ndarray  #: T × E × O, float64
    obs: np.ndarray  #: T × E × O, filtered, float32
    act: np.ndarray  #: T × E × A, float32
    rew: np.ndarray  #: T × E, float64
    terminated: np.ndarray  #: T × E
    truncated: np.ndarray  #: T × E
    taken: np.ndarray  #: T × E, False where an environment waited for the others
    final_obs: dict[tuple[int, int], np.ndarray]  #: raw, where truncated
    last_obs: np.ndarray  #: E × O, raw, what follows the last row


def sample(
    agent: Agent,
    envs: Environments,
    steps: int,
    whole_episodes: bool = False,
    before_row: Callable[[int], None] = lambda row: None,
) -> Rollout | None:
    """Run π_θ for ``steps`` steps over all environments, across episode ends.

    With ``whole_episodes`` no environment starts an episode once ``steps`` are taken, and every one ends
    the episode it is in, so that every return to go is complete. ``before_row`` is called with the number of each
    row before it is stepped.

    Returns None when the budget does not reach so far: it is spent and its episodes are recorded, but a batch
    cut short is not learned from.
    """
    act_row, noise = agent.policy.actor(agent.theta), _noise(agent, envs, rows=-(-steps // len(envs)))
    running = np.arange(len(envs))
    taken = np.ones(len(envs), bool)
    envs.staggered &= not whole_episodes
    rows, final_obs = [], {}
    start = envs.steps
    while len(running):
        before_row(len(rows))
        raw_obs = envs.obs
        obs = agent.filter(raw_obs)
        act = act_row(obs, next(noise))
        if envs.left < len(running):
            envs.step(act, running[: envs.left])
            return None
        rew, terminated, truncated, final = envs.step(act, running)
        if final:
            final_obs |= {(len(rows), i): o for i, o in final.items()}
        rows.append((raw_obs, obs, act, rew, terminated, truncated, taken))
        if envs.steps - start >= steps:
            if not whole_episodes:
                break
            running = running[~(terminated | truncated)[running]]
            taken = np.isin(np.arange(len(envs)), running)
    columns = (np.concatenate(column).reshape(len(rows), *column[0].shape) for column in zip(*rows, strict=True))
    return Rollout(*columns, final_obs, envs.obs.copy())


def make_batch(
    agent: Agent, roll: Rollout, gamma: float, lam: float, *, critic: bool = True, bootstrap_limits: bool = True
) -> Batch:
    """Log-probabilities, values and advantages for a rollout.

    ``critic`` False takes V ≡ 0 and λ = 1: the advantages are the returns to go of REINFORCE.
    ``bootstrap_limits`` False treats a time limit as a death, as code of 2017 did.
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
    dead = roll.terminated if bootstrap_limits else done
    next_val = next_values(val, last_val, final_val, dead, roll.truncated)
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


def collect(agent: Agent, envs: Environments, cfg, common, state: dict) -> Batch | None:
    """The default way to a batch: ``cfg.batch`` steps and GAE with ``cfg.gamma`` and ``cfg.lam``."""
    roll = sample(agent, envs, cfg.batch)
    return roll and make_batch(agent, roll, cfg.gamma, cfg.lam, bootstrap_limits=common.time_limit == "bootstrap")
