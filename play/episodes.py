"""Episodes of the final policy of a run: some with sampled actions, as many with mean actions.

What lies in this module and in what it imports decides the numbers, and so is part of the name of the tables
(``study.cells.Cell.evaluation``). No run reads it: an edit to it trains nothing.
"""

import hashlib
import sys
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.envs.making import make_env
from core.envs.recorded import Environments
from core.envs.spec import HORIZON, spec_of
from play import policy

EPISODES = 5  #: of each kind, a run; of a task whose episodes are short, as many as last STEPS
STEPS = 1000
HOW = ("sampled", "deterministic")


class Played(NamedTuple):
    """One episode of a final policy."""

    seed: int  #: the run's
    policy: str  #: first 12 hex digits of the SHA-256 of its policy's file
    how: str  #: one of HOW
    start: int  #: from 0 on
    ret: float  #: raw
    length: int  #: steps
    end: str  #: "terminated", "truncated" (time limit) or "cut" (on a task without one)


def streams(seed: int, episodes: int) -> tuple[np.random.Generator, list[int]]:
    """The evaluation's own random streams of a run: action noise, and a reset seed for each start.

    All methods of a task begin in the same states and draw the same noise.
    """
    noise, starts = np.random.SeedSequence([seed, zlib.crc32(b"evaluation")]).spawn(2)
    return np.random.default_rng(noise), starts.generate_state(episodes).tolist()


def play(folder: Path) -> list[Played]:
    """Episodes of the run in ``folder``, each of a copy of its own: short ones are not favoured. Raises UsageError."""
    record = policy.record(folder)
    if record["status"] == "diverged":
        return []
    spec = spec_of(record)
    horizon = make_env(spec).spec.max_episode_steps or HORIZON
    episodes = max(EPISODES, STEPS // horizon)
    rng, starts = streams(record["seed"], episodes)
    clips = record["options"]["clip_actions"]
    envs = Environments(spec, starts * len(HOW), budget=sys.maxsize, clip_actions=clips)
    digest = hashlib.sha256((folder / "policy.safetensors").read_bytes()).hexdigest()[:12]
    act = policy.actor(folder, envs.obs_dim, envs.act_dim)
    noise = np.zeros((len(envs), envs.act_dim), np.float32)
    running, ended = np.arange(len(envs)), []
    for _ in range(horizon):
        rng.standard_normal(dtype=np.float32, out=noise[:episodes])
        stepped = envs.step(act(envs.obs, noise), running)
        done = stepped.terminated | stepped.truncated
        if done.any():
            ended += np.flatnonzero(done).tolist()
            running = running[~done[running]]
            if not len(running):
                break
    envs.cut()
    rows = [
        Played(record["seed"], digest, HOW[copy // episodes], copy % episodes, episode.ret, episode.length, episode.end)
        for copy, episode in zip([*ended, *running.tolist()], envs.episodes, strict=True)
    ]
    return sorted(rows, key=lambda row: (HOW.index(row.how), row.start))
