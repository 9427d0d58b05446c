"""Small tasks of a user's, each odd in one way. To be had as ``own_tasks:Name-v0``."""

import collections
import random
import time

import gymnasium
import mujoco
import numpy as np
from gymnasium import spaces
from gymnasium.envs.mujoco.hopper_v4 import HopperEnv

MODULE_RNG = np.random.default_rng(0)


class Base(gymnasium.Env):
    """The reward is −(a − goal)², for a goal that is drawn at each reset and shown."""

    metadata = {"render_modes": []}  # noqa: RUF012
    observation_space = spaces.Box(-np.inf, np.inf, (3,), np.float64)
    action_space = spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.goal = 0, self.np_random.uniform(-0.5, 0.5, 2)
        return self.observe(), {}

    def observe(self):
        return np.array([*self.goal, 1.0])

    def reward(self, action):
        return -float(np.square(np.asarray(action).ravel()[:2] - self.goal).sum())

    def step(self, action):
        self.t += 1
        reward = self.reward(action)
        return self.observe(), reward, False, False, {}


class InPlace(Base):
    """Writes into the action that it is given."""

    def step(self, action):
        action *= 0.1
        return super().step(action * 10)


class GoalHopper(HopperEnv):
    """A Hopper with state of its own: a target speed drawn at each reset, and the previous action."""

    def reset_model(self):
        self.target, self.last = self.np_random.uniform(0, 2), np.zeros(3)
        return super().reset_model()

    def step(self, action):
        x, last, self.last = self.data.qpos[0], self.last, np.array(action)
        obs, _, terminated, truncated, info = super().step(action)
        speed = (self.data.qpos[0] - x) / self.dt
        return obs, 1 - abs(speed - self.target) - 0.1 * np.square(action - last).sum(), terminated, truncated, info


class Randomised(HopperEnv):
    """A Hopper of another mass and gravity in each episode."""

    def reset_model(self):
        self.model.body_mass[1:] = self.np_random.uniform(2, 5, self.model.nbody - 1)
        self.model.opt.gravity[2] = self.np_random.uniform(-11, -8)
        return super().reset_model()


class Part:
    """A thing with a slot."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


class Rich(Base):
    """State of every kind: its reward is a sum over it."""

    def __init__(self):
        self.recent, self.by_time, self.seen = collections.deque(maxlen=3), collections.defaultdict(list), set()
        self.other, self.old = random.Random(3), np.random.RandomState(2)
        self.scalar, self.phase, self.whole, self.parts = np.float32(0), 1j, np.zeros(4), []
        self.view, self.circle, self.how = self.whole[1:3], [self], self.once

    def reset(self, **how):
        shown = super().reset(**how)
        self.child = self.np_random.spawn(1)[0]
        return shown

    def reward(self, action):
        self.recent.append(action), self.by_time[self.t % 3].append(self.t), self.seen.add(self.t % 7)
        self.parts.append(Part(self.child.normal()))
        self.scalar, self.phase = np.float32(self.scalar + action[0]), self.phase * 1j
        self.view += action
        self.how = self.twice if self.t % 2 else self.once
        numbers = [self.other.random(), self.old.rand(), self.parts[-2:][0].value, self.scalar, self.phase.real]
        lengths = [len(self.by_time[0]), sum(self.seen), len(self.parts), self.circle[0].how()]
        return float(sum(numbers) + sum(lengths) + np.sum(self.recent) + self.whole.sum())

    def once(self):
        return 1

    def twice(self):
        return 2


class Generator(Base):
    """Counts with a generator, whose state nothing shows."""

    def __init__(self):
        self.it = (i for i in range(10**9))

    def reward(self, action):
        return float(next(self.it))


class OfTheModule(Base):
    """Draws from a random stream of its module, which all copies share."""

    def reward(self, action):
        return MODULE_RNG.normal()


class OfTheClass(Base):
    """Counts the steps of all its copies."""

    count = 0

    def reward(self, action):
        OfTheClass.count += 1
        return float(OfTheClass.count)


class Later(Base):
    """Comes to have a generator, in its 25th episode."""

    count = 0

    def reset(self, **how):
        self.count += 1
        if self.count == 25:
            self.it = (i for i in range(3))
        return super().reset(**how)


class Curriculum(Base):
    """Grows harder for all copies when one comes to its sixth episode: two copies do not get so far in a trial."""

    level = count = 0

    def reset(self, **how):
        self.count += 1
        if self.count == 6:
            Curriculum.level += 1
        return super().reset(**how)

    def reward(self, action):
        return super().reward(action) - Curriculum.level


class Closure(Base):
    """Counts in a variable that only a function sees."""

    def __init__(self):
        count = 0

        def more():
            nonlocal count
            count += 1
            return count

        self.more = more

    def reward(self, action):
        return float(self.more())


class WallClock(Base):
    """Rewards what the clock says."""

    def reward(self, action):
        return time.perf_counter()


class Strict(Base):
    """Insists on actions of its space."""

    def reward(self, action):
        assert self.action_space.contains(action), "out of bounds"
        return super().reward(action)


class Crashing(Base):
    """Raises in its fifth step."""

    def reward(self, action):
        return 1 / (5 - self.t)


class Painter(Base):
    """Draws itself: a grey that grows, by 6 a step, 20 steps a second."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012

    def __init__(self, render_mode=None, size=(100, 300)):
        self.render_mode, self.size = render_mode, size

    def render(self):
        return np.full((*self.size, 3), 6 * self.t, np.uint8)


class Scaled(Base):
    """An argument decides its reward."""

    def __init__(self, scale=1.0):
        self.scale = scale

    def reward(self, action):
        return self.scale * super().reward(action)


class Model(Base):
    """Reads a model's file."""

    def __init__(self, path):
        self.model = mujoco.MjModel.from_xml_path(path)


def _observing(space):
    class Shows(Base):
        observation_space = space

        def observe(self):
            return self.observation_space.sample()

    return Shows


def _acting(space):
    class Takes(Base):
        action_space = space

    return Takes


class Lost(gymnasium.Wrapper):
    """No task any more."""

    def __new__(cls, env):
        return 3


OBSERVATIONS = {
    "DictObs": spaces.Dict({"b": spaces.Box(-1, 1, (3,)), "a": spaces.Box(-1, 1, (2,))}),
    "TupleObs": spaces.Tuple([spaces.Box(-1, 1, (3,)), spaces.Box(-1, 1, (3,))]),
    "DiscreteObs": spaces.Discrete(4),
    "MixedObs": spaces.Dict({"a": spaces.Discrete(3), "b": spaces.Box(-1, 1, (2,))}),
    "ImageObs": spaces.Box(0, 255, (16, 16, 3), np.uint8),
    "IntegerObs": spaces.Box(0, 9, (3,), np.int64),
    "SquareObs": spaces.Box(-1, 1, (3, 3)),
    "ScalarObs": spaces.Box(-1, 1, ()),
    "EmptyObs": spaces.Box(-1, 1, (0,)),
    "TextObs": spaces.Text(5),
    "SequenceObs": spaces.Sequence(spaces.Box(-1, 1, (2,))),
}
ACTIONS = {
    "SquareAct": spaces.Box(-1, 1, (2, 3)),
    "DiscreteAct": spaces.Discrete(3),
    "MultiDiscreteAct": spaces.MultiDiscrete([3, 3]),
    "IntegerAct": spaces.Box(0, 9, (2,), np.int64),
    "EmptyAct": spaces.Box(-1, 1, (0,)),
    "BinaryAct": spaces.MultiBinary(3),
}
TASKS = {name: kind for name, kind in globals().items() if isinstance(kind, type) and issubclass(kind, Base)}
TASKS |= {"GoalHopper": GoalHopper, "Randomised": Randomised}
TASKS |= {name: _observing(space) for name, space in OBSERVATIONS.items()}
TASKS |= {name: _acting(space) for name, space in ACTIONS.items()}
for name, kind in TASKS.items():
    gymnasium.register(f"{name}-v0", kind, max_episode_steps=40)
gymnasium.register("Unending-v0", Base)
