"""How far a run in progress is: ``progress.json`` beside its checkpoint. The trainer writes it, others read it."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from study.atomic import write_whole


@dataclass(frozen=True)
class Progress:
    """What a run said last. Whether it still runs is said by the lock beside the file, not here."""

    state: str  #: "starting", "compiling", "training", "stopped" or "failed"
    budget: int  #: environment steps of the whole run
    steps: int = 0  #: taken so far
    mean_return: float | None = None  #: of the latest 100 whole episodes; None where there is none
    seconds: float = 0.0  #: wall time of the run, of all processes that worked on it
    steps_per_second: float | None = None  #: over these seconds; None before the first step
    error: str = ""  #: of a run that failed: why, in one line

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises OSError."""
        write_whole(path, json.dumps(dataclasses.asdict(self)).encode())


def progress_file(folder: str, root: Path) -> Path:
    """Where the run of this folder (``Cell.folder``) has its file."""
    return root / "work" / folder / "progress.json"


def read_progress(path: Path) -> Progress | None:
    """What the file says; None where there is no file, or no such one."""
    try:
        return Progress(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
