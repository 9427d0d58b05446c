"""One training run by another library, or bare stepping, as a process of its own: what bench.py times beside ours.

    python benchmarks/peers.py sb3_ppo Hopper-v4 100000

Batch, epochs and network are those of the method here. ``_8`` steps eight environments in one process, as we do.
"""

import sys
from collections.abc import Callable
from typing import Any

import gymnasium
import mujoco
import numpy as np


def physics(task_id: str, steps: int, lean: bool = False) -> None:
    """``mj_step`` alone, with random actions; resets without which a fallen robot would be stepped.

    ``lean``: without the clock and the search for islands, as ``core/envs/mujoco.py`` has it.
    """
    env = gymnasium.make(task_id, disable_env_checker=True)
    env.reset(seed=0)
    task: Any = env.unwrapped
    if lean:
        mujoco.set_mjcb_time(None)
        task.model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_ISLAND
    actions = np.random.default_rng(0).uniform(-1, 1, (1000, task.model.nu))
    for step in range(steps):
        if step % 100 == 0:
            env.reset()
        task.data.ctrl[:] = actions[step % 1000]
        mujoco.mj_step(task.model, task.data, nstep=task.frame_skip)


def stepping(task_id: str, steps: int) -> None:
    """Gymnasium's ``step`` with random actions."""
    env = gymnasium.make(task_id, disable_env_checker=True)
    env.reset(seed=0)
    space: Any = env.action_space
    actions = np.random.default_rng(0).uniform(space.low, space.high, (1000, *space.shape)).astype(np.float32)
    for step in range(steps):
        _, _, terminated, truncated, _ = env.step(actions[step % 1000])
        if terminated or truncated:
            env.reset()


def _learn(make: Callable, task_id: str, steps: int, envs: int, **settings) -> None:
    import torch
    from stable_baselines3.common.vec_env import DummyVecEnv

    torch.set_num_threads(1)
    copies = DummyVecEnv([lambda: gymnasium.make(task_id, disable_env_checker=True)] * envs)
    network = {"net_arch": {"pi": [64, 64], "vf": [64, 64]}, "activation_fn": torch.nn.Tanh}
    make("MlpPolicy", copies, device="cpu", seed=0, policy_kwargs=network, **settings).learn(steps)


def sb3_ppo(task_id: str, steps: int, envs: int = 1) -> None:
    """Stable-Baselines3's PPO: 2048 steps, 10 epochs, minibatch 64."""
    from stable_baselines3 import PPO

    _learn(PPO, task_id, steps, envs, n_steps=2048 // envs, batch_size=64, n_epochs=10)


def sb3_a2c(task_id: str, steps: int, envs: int = 8) -> None:
    """Stable-Baselines3's A2C: 5 steps in each of 8 environments."""
    from stable_baselines3 import A2C

    _learn(A2C, task_id, steps, envs, n_steps=5)


def sb3_trpo(task_id: str, steps: int, envs: int = 1) -> None:
    """sb3-contrib's TRPO with the settings of ``algos/trpo.py``."""
    from sb3_contrib import TRPO

    settings = {"cg_max_steps": 10, "cg_damping": 0.1, "sub_sampling_factor": 5, "n_critic_updates": 5}
    _learn(TRPO, task_id, steps, envs, n_steps=1024 // envs, batch_size=64, **settings)


PEERS = {
    "physics": physics,
    "lean_physics": lambda task_id, steps: physics(task_id, steps, lean=True),
    "stepping": stepping,
    "sb3_ppo": sb3_ppo,
    "sb3_ppo_8": lambda task_id, steps: sb3_ppo(task_id, steps, 8),
    "sb3_trpo": sb3_trpo,
    "sb3_trpo_8": lambda task_id, steps: sb3_trpo(task_id, steps, 8),
    "sb3_a2c": sb3_a2c,
}


if __name__ == "__main__":
    name, task_id, steps = sys.argv[1:]
    PEERS[name](task_id, int(steps))
