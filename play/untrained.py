"""Episodes of an untrained policy: what lies here and in its imports decides the kept scores (``study/key.py``)."""

import numpy as np

from core.envs.making import make_env
from core.envs.spec import HORIZON

COPIES = 10


def random_returns(spec: str | dict, episodes: int, seed: int = 0) -> np.ndarray:
    """Returns of ``episodes`` episodes (a multiple of 10) of standard normal actions.

    Each of ten copies of the task plays the same number of episodes, so that short ones are not favoured.
    """
    if make_env(spec).spec.max_episode_steps is None:
        spec = ({"id": spec} if isinstance(spec, str) else spec) | {"horizon": HORIZON}
    rng = np.random.default_rng(seed)
    from core.envs.recorded import Environments  # which loads MuJoCo, and so comes after the choice of its OpenGL

    envs = Environments(spec, list(range(seed, seed + COPIES)), budget=10**12)
    played = np.zeros(COPIES, int)
    while len(running := np.flatnonzero(played < episodes // COPIES)):
        stepped = envs.step(rng.standard_normal((COPIES, envs.act_dim)), running)
        played += stepped.terminated | stepped.truncated
    return np.array([episode.ret for episode in envs.episodes])
