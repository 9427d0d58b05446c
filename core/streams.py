"""Random streams: one integer seed gives streams that do not know of each other.

Nothing in ``core`` or ``algos`` draws from a global generator, so a new draw in one place (one more
environment, say) cannot move the numbers drawn in another.
"""

import json
from dataclasses import dataclass

import numpy as np


@dataclass
class Streams:
    """The generators of one run."""

    init: np.random.Generator  #: initial θ and φ
    noise: np.random.Generator  #: standard normal draws behind the actions
    shuffle: np.random.Generator  #: order of minibatches
    env_seeds: list[int]  #: one reset seed per environment

    def pack(self) -> dict[str, str]:
        """Where each generator is, as plain data."""
        return {name: json.dumps(getattr(self, name).bit_generator.state) for name in ("init", "noise", "shuffle")}

    def unpack(self, packed: dict[str, str]) -> None:
        """Go on from :meth:`pack`."""
        for name, state in packed.items():
            getattr(self, name).bit_generator.state = json.loads(state)


def streams(seed: int, envs: int) -> Streams:
    """Independent streams from ``seed``, with reset seeds for ``envs`` environments."""
    init, noise, shuffle, env = np.random.SeedSequence(seed).spawn(4)
    return Streams(
        init=np.random.default_rng(init),
        noise=np.random.default_rng(noise),
        shuffle=np.random.default_rng(shuffle),
        env_seeds=[int(child.generate_state(1)[0]) for child in env.spawn(envs)],
    )
