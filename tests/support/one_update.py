"""One update of an algorithm, for tests of its arithmetic."""

import copy


def run(module, agent, batch, given=None, **options):
    """One update of a copy of the agent: the copy, its row of numbers, its state: what is given, and the rest."""
    agent, cfg = copy.deepcopy(agent), module.Config(**options)
    state = {} if given is None else given
    for name, value in module.init(agent, cfg).items():
        state.setdefault(name, value)
    return agent, module.update(agent, batch, cfg, state), state
