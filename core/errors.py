"""The exceptions that are shown to a user as a single line."""


class UsageError(Exception):
    """Something the user wrote cannot be done; the message says where, what, and what to do instead."""


class TaskError(UsageError):
    """A task that cannot be used; the message begins with the file and its id, since its name decides nothing."""


def named(error: UsageError, task: str) -> str:
    """The message for one who asked for a task by its name in ``envs.yaml``."""
    said = str(error)
    return said.replace("envs.yaml: ", f"envs.yaml: {task}: ", 1) if isinstance(error, TaskError) else said


class BudgetSpent(Exception):
    """The environment steps of the run are used up, in the middle of a batch: nothing is learned from it."""
