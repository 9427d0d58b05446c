"""A toy task without MuJoCo, whose best action and whose Q are known."""

import gymnasium
import numpy as np


class Late(gymnasium.Env):
    """The reward of an action, −(a − s)², comes a step late. Each step shows a new random s; nothing ever ends."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))
    action_space = gymnasium.spaces.Box(-4.0, 4.0, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.owed, self.target = np.zeros(1), self.np_random.uniform(-1, 1, 1)
        return self.target.copy(), {}

    def step(self, action):
        reward = -self.owed.item()
        self.owed[:] = (action - self.target) ** 2  # in place: a shallow copy of the attributes would not do
        self.target[:] = self.np_random.uniform(-1, 1, 1)
        return self.target.copy(), reward, False, False, {}


gymnasium.register("Late-v0", Late)


def normal(*shape, seed=1):
    """Standard normal draws (float32)."""
    return np.random.default_rng(seed).standard_normal(shape, np.float32)
