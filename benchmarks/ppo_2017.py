"""PPO a second time, as the code that came with the paper has it, and with nothing of this project's.

    python -m benchmarks.ppo_2017 Swimmer-v4 --seed 0

Where our `ppo_clip` and a published curve disagree, this says whether the reason is ours: one environment, Gymnasium's
own `step`, a filter that moves before each update, torch's Adam (Baselines da99706, `pposgd_simple.py`,
`mlp_policy.py`, `run_mujoco.py`). That code also clips the value loss in raw return units, which d9f194f took out
("severely degrading performance on mujoco"); here it is an option. Slow, and meant to be read beside those. It prints
the mean return by tenths of the budget, and the standard deviations of the last policy.
"""

import argparse
import json
import warnings
from typing import Any

import gymnasium
import numpy as np
import torch

BATCH, GAMMA, LAM, CLIP, EPOCHS, MINIBATCH, STEP = 2048, 0.99, 0.95, 0.2, 10, 64, 3e-4


def network(inputs: int, outputs: int, last: float, rng: np.random.Generator) -> list[torch.Tensor]:
    """Weights and biases of two tanh layers of 64 and a linear one; columns of length 1, in the last of ``last``."""
    layers = []
    for rows, columns, scale in ((inputs, 64, 1.0), (64, 64, 1.0), (64, outputs, last)):
        weight = rng.standard_normal((rows, columns))
        weight *= scale / np.linalg.norm(weight, axis=0)
        layers += [torch.tensor(weight, dtype=torch.float32), torch.zeros(columns)]
    return [layer.requires_grad_() for layer in layers]


def forward(layers: list, x, tanh=torch.tanh):
    """The network's outputs (N × outputs) at ``x`` (N × inputs)."""
    x = tanh(x @ layers[0] + layers[1])
    x = tanh(x @ layers[2] + layers[3])
    return x @ layers[4] + layers[5]


class Filter:
    """Mean and deviation of all observations so far, as sums (``mpi_running_mean_std.py``)."""

    def __init__(self, obs_dim: int):
        self.count, self.sum, self.squares = 1e-2, np.zeros(obs_dim), np.full(obs_dim, 1e-2)

    def update(self, obs: np.ndarray) -> None:
        """Take in a batch (N × O)."""
        self.count += len(obs)
        self.sum += obs.sum(axis=0)
        self.squares += np.square(obs).sum(axis=0)

    def __call__(self, obs: np.ndarray) -> np.ndarray:
        """Filtered observations, float32."""
        mean = self.sum / self.count
        std = np.sqrt(np.maximum(self.squares / self.count - mean**2, 1e-2))
        return np.clip((obs - mean) / std, -5, 5).astype(np.float32)


def advantages(rew: np.ndarray, val: np.ndarray, dead: np.ndarray) -> np.ndarray:
    """GAE of T steps; ``val`` has one more, of the state after the last (``add_vtarg_and_adv``)."""
    adv, ahead = np.zeros(len(rew), np.float32), 0.0
    for t in reversed(range(len(rew))):
        alive = 1 - dead[t]
        ahead = rew[t] + GAMMA * alive * val[t + 1] - val[t] + GAMMA * LAM * alive * ahead
        adv[t] = ahead
    return adv


def train(task_id: str, seed: int, steps: int, clip_value: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Train; returns the episodes (rows of step at the end, return) and the last policy's standard deviations."""
    env: Any = gymnasium.make(task_id)
    obs_dim, act_dim = env.observation_space.shape[0], env.action_space.shape[0]
    rng = np.random.default_rng(seed)
    policy, value = network(obs_dim, act_dim, 0.01, rng), network(obs_dim, 1, 1.0, rng)
    log_std = torch.zeros(act_dim, requires_grad=True)
    adam = torch.optim.Adam([*policy, *value, log_std], lr=STEP)
    norm = Filter(obs_dim)

    def logp(obs, act):
        z = (act - forward(policy, obs)) * torch.exp(-log_std)
        return -0.5 * (z * z).sum(1) - log_std.sum()

    obs, act = np.zeros((BATCH + 1, obs_dim)), np.zeros((BATCH, act_dim), np.float32)
    rew, dead = np.zeros(BATCH, np.float32), np.zeros(BATCH)
    episodes, total = [], 0.0
    obs[BATCH], _ = env.reset(seed=seed)
    for start in range(0, steps - BATCH + 1, BATCH):
        weights, std = [layer.detach().numpy() for layer in policy], log_std.detach().exp().numpy()
        obs[0] = obs[BATCH]
        for t in range(BATCH):
            act[t] = forward(weights, norm(obs[t]), np.tanh) + std * rng.standard_normal(act_dim)
            obs[t + 1], rew[t], terminated, truncated, _ = env.step(act[t])
            total += float(rew[t])
            dead[t] = terminated or truncated  # a time limit is a death, as there
            if dead[t]:
                episodes.append((start + t + 1, total))
                total = 0.0
                obs[t + 1], _ = env.reset()

        with torch.no_grad():
            val = forward(value, torch.from_numpy(norm(obs)))[:, 0].numpy()
        adv = advantages(rew, val, dead)
        ret = torch.from_numpy(adv + val[:-1])
        norm.update(obs[:-1])
        data = torch.from_numpy(norm(obs[:-1])), torch.from_numpy(act), torch.from_numpy((adv - adv.mean()) / adv.std())
        with torch.no_grad():  # the old policy sees the new filter, as there
            old, val = logp(*data[:2]), forward(value, data[0])[:, 0]
        for _ in range(EPOCHS):
            for rows in torch.from_numpy(rng.permutation(BATCH)).split(MINIBATCH):
                o, a, advantage = (array[rows] for array in data)
                ratio, v = torch.exp(logp(o, a) - old[rows]), forward(value, o)[:, 0]
                surr = torch.minimum(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage)
                errors = (v - ret[rows]) ** 2
                if clip_value:
                    near = val[rows] + (v - val[rows]).clamp(-CLIP, CLIP)
                    errors = torch.maximum(errors, (near - ret[rows]) ** 2)
                adam.zero_grad()
                (0.5 * errors.mean() - surr.mean()).backward()
                adam.step()
    return np.array(episodes).reshape(-1, 2), log_std.detach().exp().numpy()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task_id", help="Gymnasium's, such as Swimmer-v4")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--clip-value", action="store_true", help="clip the value loss, as da99706")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # of -v4 tasks
    torch.set_num_threads(1)
    episodes, std = train(args.task_id, args.seed, args.steps, args.clip_value)
    tenth = np.minimum((episodes[:, 0] - 1) * 10 // args.steps, 9)
    means = [episodes[tenth == k, 1].mean().round(1) if (tenth == k).any() else None for k in range(10)]
    print(
        json.dumps(
            {"task": args.task_id, "seed": args.seed, "tenths": means, "std": std.astype(float).round(2).tolist()}
        )
    )


if __name__ == "__main__":
    main()
