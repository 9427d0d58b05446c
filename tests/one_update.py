"""One update of an algorithm, for tests of its arithmetic."""

import copy


def run(module, agent, batch, state=None, **options):
    """One update of a copy of the agent: the copy, its row of numbers, its state."""
    agent, cfg = copy.deepcopy(agent), module.Config(**options)
    state = module.init(agent, cfg) if state is None else state
    return agent, module.update(agent, batch, cfg, state), state
