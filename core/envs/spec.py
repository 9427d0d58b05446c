"""What decides a task's numbers, as runs record it: Gymnasium's id, or a mapping with ``id`` and settings.

The settings are those of ``envs.yaml``, where they are given: ``kwargs``, ``wrappers``, ``horizon``, ``files``.
"""

HORIZON = 1000  #: steps of an episode of a task without a time limit, where one has to end


def id_of(spec: str | dict) -> str:
    """Gymnasium's id."""
    return spec if isinstance(spec, str) else spec["id"]


def recorded(spec: str | dict) -> dict:
    """What ``run.json`` has of it."""
    if isinstance(spec, str):
        return {"task_id": spec}
    return {"task_id": spec["id"], "task_settings": {name: value for name, value in spec.items() if name != "id"}}


def spec_of(record: dict) -> str | dict:
    """The spec, from a ``run.json``."""
    settings = record.get("task_settings")
    return {"id": record["task_id"], **settings} if settings else record["task_id"]
