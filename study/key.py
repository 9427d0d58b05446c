"""The content key of a run: a digest of what this project puts into its numbers, and of nothing else.

    key = first 12 hex digits of SHA-256 of {key version, sources, task, algorithm, options, steps}

*Sources* are the algorithm's module and ``core/run.py`` with all they import inside the project, by content: where a
module lies and what it is called does not count (``study/sources.py``). A task that is the user's own adds its files
(``study/task_sources.py``). The versions of libraries and the CPU decide the last bits too; they stand beside a run
(``run.json``), not in its key.
"""

import functools
import hashlib
import json
from pathlib import Path

from study.sources import Digests
from study.task_sources import task_digest

ROOT = Path(__file__).resolve().parent.parent
KEY_VERSION = 2


def run_key(algo: str, task: str | dict, options: dict, steps: int) -> str:
    """The key (12 hex digits) that the runs of one cell share; the seed is not part of it.

    ``task`` is Gymnasium's id, or all that envs.yaml says of the task's making (``study/tasks.py``).
    """
    content = {
        "version": KEY_VERSION,
        "sources": sources_digest(algo),
        "task": task,
        "algo": algo,
        "options": options,
        "steps": steps,
    }
    if own := own_sources(task):
        content["task_sources"] = own
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


@functools.cache
def sources_digest(algo: str, root: Path = ROOT) -> str:
    """SHA-256 over what every module that a run of ``algo`` executes runs.

    Read once a process: see :func:`sources_changed`. Raises UsageError where a module does not parse.
    """
    return _digest_of(_entries(algo, root), _first_seen(root))


def sources_changed(algo: str, task: str | dict, root: Path = ROOT) -> bool:
    """Whether the sources on disk are no longer those that :func:`run_key` saw in this process."""
    now = _digest_of(_entries(algo, root), Digests([root])), task_digest(task, root)
    return now != (sources_digest(algo, root), own_sources(task, root))


def own_sources(task: str | dict, root: Path = ROOT) -> str | None:
    """What :func:`study.task_sources.task_digest` gives, read once a process."""
    return _task_digest(json.dumps(task, sort_keys=True), root)


@functools.cache
def evaluation_key(seeds: tuple[int, ...], root: Path = ROOT) -> str:
    """What episodes of final policies depend on besides the policies: 12 hex digits of how they are played, and seeds.

    Raises UsageError where a module does not parse.
    """
    played = _digest_of([root / "play" / "episodes.py"], _first_seen(root))
    return hashlib.sha256(f"{played}{list(seeds)}".encode()).hexdigest()[:12]


@functools.cache
def _first_seen(root: Path) -> Digests:
    """The project's modules as this process first reads them."""
    return Digests([root])


def score_key(task: str | dict, root: Path = ROOT) -> str:
    """What the score of an untrained policy depends on: 12 hex digits of the task, and of how it is measured."""
    measured = _digest_of([root / "play" / "untrained.py"], _first_seen(root))
    content = [measured, task, own_sources(task, root)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


@functools.cache
def _task_digest(text: str, root: Path) -> str | None:
    return task_digest(json.loads(text), root)


def _entries(algo: str, root: Path) -> list[Path]:
    return [root / "algos" / f"{algo}.py", root / "core" / "run.py"]


def _digest_of(entries: list[Path], digests: Digests) -> str:
    """Of these modules in this order, and of the ``__init__.py`` of their packages where there is something in it."""
    inits = sorted({path.with_name("__init__.py") for path in entries})
    counted = [path for path in inits if path.is_file() and not digests.empty(path)]
    return hashlib.sha256("".join(digests.of(path) for path in [*entries, *counted]).encode()).hexdigest()
