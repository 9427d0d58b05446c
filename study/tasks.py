"""Tasks as ``envs.yaml`` gives them, read without importing Gymnasium: each ``snakemake -n`` would wait for it."""

import functools
import importlib.util
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import UsageError
from study.key import ROOT, score_key
from study.options import nearest

#: What of a task's entry decides its numbers, besides its id.
SETTINGS = ("kwargs", "wrappers", "horizon", "files")


@dataclass(frozen=True)
class Task:
    """An entry of ``envs.yaml``."""

    name: str
    id: str  #: Gymnasium's
    kwargs: dict = field(default_factory=dict)  #: for ``gymnasium.make``
    wrappers: tuple[str | dict, ...] = ()  #: around what it makes, from the inside
    horizon: int | None = None  #: time limit in steps, in the place of the task's own
    files: tuple[str, ...] = ()  #: from the root of the checkout
    given_score: float | None = None  #: ``random_score``

    @property
    def spec(self) -> str | dict:
        """What decides the task's numbers: the id alone where nothing else is given."""
        settings = {name: value for name in SETTINGS if (value := getattr(self, name))}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
        return {"id": self.id, **plain} if plain else self.id

    @property
    def score_file(self) -> str:
        """Where the score of an untrained policy is kept that was measured, from the root of the project."""
        return f"results/runs/untrained/{self.name}/{score_key(self.spec)}/random_score.json"

    @property
    def random_score(self) -> float:
        """Mean return of the untrained policy, as it was given or measured. Raises UsageError where it is neither."""
        if self.given_score is not None:
            return self.given_score
        try:
            return float(json.loads((ROOT / self.score_file).read_text(encoding="utf-8"))["random_score"])
        except (OSError, ValueError, TypeError, KeyError):
            how = f"python -m play.random_score --keep {self.name}"
            raise UsageError(f"envs.yaml: {self.name}: its random_score is not measured yet: {how}") from None


def make_task(name: str, entry: dict) -> Task:
    """A task from its entry in ``envs.yaml``, which has passed the schema. Raises UsageError."""
    where, given = f"envs.yaml: {name}", dict(entry)
    check_id(given["id"], where)
    if "max_episode_steps" in given.get("kwargs", {}):
        raise UsageError(f"{where}: kwargs: write max_episode_steps as horizon, beside the id")
    for setting in SETTINGS:
        if not _plain(given.get(setting)):
            raise UsageError(f"{where}: {setting}: use texts, finite numbers, lists, and mappings with texts as keys")
    settings: dict[str, Any] = {name: given[name] for name in ("kwargs", "horizon") if name in given}
    lists: dict[str, Any] = {name: tuple(given[name]) for name in ("wrappers", "files") if name in given}
    return Task(name, given["id"], **settings, **lists, given_score=given.get("random_score"))


def _plain(value: object) -> bool:
    """Whether it is the same when it comes back from JSON."""
    try:
        return json.loads(json.dumps(value, allow_nan=False)) == value
    except (TypeError, ValueError):
        return False


@functools.cache
def registered() -> list[str]:
    """The ids that Gymnasium itself registers, from its source; none where it is not installed."""
    return re.findall(r'id="([^"]+)"', _registrations())


@functools.cache
def _registrations() -> str:
    found = importlib.util.find_spec("gymnasium")
    source = found and found.origin and Path(found.origin).parent / "envs" / "__init__.py"
    return source.read_text(encoding="utf-8") if source and source.is_file() else ""


@functools.cache
def drawn_by_mujoco() -> frozenset[str]:
    """Those of them that are drawn with OpenGL."""
    source = _registrations()
    return frozenset(re.findall(r'id="([^"]+)",\s*entry_point="gymnasium\.envs\.mujoco', source))


def check_id(task_id: str, where: str) -> None:
    """Raise UsageError for an id that should be Gymnasium's own and is not.

    Those of a module (``module:Task-v0``) or a plugin (``plugin/Task-v0``) are seen when a run starts.
    """
    if registered() and not re.search("[:/]", task_id) and task_id not in registered():
        raise UsageError(f"{where}: id {nearest(task_id, registered())} (a task of another package is package:Task-v0)")
