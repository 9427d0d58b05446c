"""Noisy cross-entropy method (Szita and Lőrincz 2006, Learning Tetris Using the Noisy Cross-Entropy Method).

    μ ← initial θ;  v ← std² in every coordinate
    for k = 0, 1, …
        θ_1 … θ_P ~ N(μ, diag(v + extra² · max(0, 1 − k/K)))
        R_i ← return of one episode with the mean action of θ_i, without noise
        elite ← the best share of the population;  μ ← mean(elite);  v ← variance(elite)

The extra noise keeps the spread from collapsing before the population has found anything; it fades over K iterations.
Every step of every member counts, and the episodes of a run are those of the members, never of μ. A million steps are
few here: 5 populations on HalfCheetah, some 35 on Hopper. θ is μ with the untrained log-std, which only the KL sees.

The settings of PPO Figure 3 are lost. These are modular_rl's (6970cde, its scripts for MuJoCo), but for the network
(there 10-5) and the filter (there it moves within an episode). The studies clip the actions: see docs/decisions.md.
"""

from dataclasses import dataclass

import numpy as np
import torch

from core.agent import Agent, spaced
from core.envs.recorded import Environments
from core.kinds import Share, Steps
from core.policy import entropy, kl


@dataclass(frozen=True)
class Config:
    population: Steps = 200  #: P, episodes per iteration (modular_rl)
    elite: Share = 0.2  #: share of the population that the next one is fitted to (modular_rl)
    std: float = 1.0  #: of the first population (modular_rl)
    extra_std: float = 0.01  #: extra, at the start (modular_rl, MuJoCo scripts)
    extra_iterations: int = 150  #: K, until it is gone: half of the 300 iterations (modular_rl)


@dataclass
class Population:
    """P members, each with the return of one episode, and all that they saw."""

    members: torch.Tensor  #: P × weights of the policy's network, float64
    ret: torch.Tensor  #: P, raw, float64
    obs: torch.Tensor  #: N × O, filtered: every 7th that was seen, enough for the KL
    raw_obs: np.ndarray  #: all that were seen


def init(agent: Agent, cfg: Config) -> dict:
    return {"var": torch.full((agent.policy.net.size,), cfg.std**2, dtype=torch.float64), "iteration": 0}


def whole_episodes(cfg: Config) -> bool:
    return True


def spread(cfg: Config, state: dict) -> torch.Tensor:
    """Standard deviations of the population of this iteration."""
    fading = max(0.0, 1 - state["iteration"] / cfg.extra_iterations)
    return torch.sqrt(state["var"] + cfg.extra_std**2 * fading)


def collect(agent: Agent, envs: Environments, cfg: Config, state: dict) -> Population:
    net, std = agent.policy.net, spread(cfg, state)
    noise = torch.from_numpy(agent.streams.noise.standard_normal((cfg.population, net.size)))
    members = agent.theta[: net.size] + std * noise
    mean_action = [net.numpy(member.numpy()) for member in members.float()]
    ret, seen, waiting = np.zeros(cfg.population), [], iter(range(cfg.population))
    plays = np.array([next(waiting, -1) for _ in range(len(envs))])  # the member that each copy is playing, -1: none
    while len(running := np.flatnonzero(plays >= 0)):
        obs = agent.filter(envs.obs)
        seen.append(envs.obs[running])
        act = np.zeros((len(envs), envs.act_dim), np.float32)
        for i in running:
            act[i] = mean_action[plays[i]](obs[i])
        rew, terminated, truncated, _ = envs.step(act, running)
        ret[plays[running]] += rew[running]
        for i in np.flatnonzero(terminated | truncated):
            plays[i] = next(waiting, -1)
    raw_obs = np.concatenate(seen)
    some = agent.filter(raw_obs[spaced(len(raw_obs), 7, len(envs))])
    return Population(members, torch.from_numpy(ret), torch.from_numpy(some), raw_obs)


def refit(members: torch.Tensor, ret: torch.Tensor, share: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of the best ``share`` of the members, at least two of them."""
    best = ret.argsort(descending=True, stable=True)[: max(2, round(share * len(ret)))]
    return members[best].mean(0), members[best].var(0, correction=0)


def update(agent: Agent, batch: Population, cfg: Config, state: dict) -> dict[str, float]:
    with torch.no_grad():
        old = agent.policy.dist(agent.theta, batch.obs)
    mean, state["var"] = refit(batch.members, batch.ret, cfg.elite)
    state["iteration"] += 1
    agent.theta[: len(mean)] = mean
    with torch.no_grad():
        new = agent.policy.dist(agent.theta, batch.obs)
        return {
            "kl": kl(old, new).mean().item(),
            "entropy": entropy(new).item(),
            "population_return": batch.ret.mean().item(),
            "best_return": batch.ret.max().item(),
            "spread": spread(cfg, state).mean().item(),  # of the next population
        }
