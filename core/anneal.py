"""Step sizes that fall over a run."""


def left(steps: int, of: float) -> float:
    """The share of ``of`` environment steps that is left after ``steps``: 1 at first, in a line to 0, then 0.

    A step size is multiplied by it (Baselines ea25b9e, a2c/utils.py, schedule "linear"). Where ``of`` is 0 it is 1
    all along.
    """
    return max(0.0, 1 - steps / of) if of else 1.0
