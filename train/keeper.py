"""When a run is kept in a checkpoint, and how it is taken up again."""

import sys
import time
from pathlib import Path

from core.run import Run
from train import checkpoint

EVERY = 30.0  #: seconds between checkpoints, each of which takes some tenth of a second
SHARE = 0.01  #: of a run's time that they may take: where one takes longer, the next comes later


class Keeper:
    """The checkpoints of a run that began at ``start`` (``time.perf_counter``).

    Attributes: ``resumed``, how often the run was taken up again. Where the task's state cannot be kept there are none,
    which is said at once.
    """

    def __init__(self, run: Run, path: Path, identity: dict, start: float):
        self._run, self._path, self._identity, self._start = run, path, identity, start
        self._before, self.resumed, self._saved, self._cost = 0.0, 0, start, 0.0
        self._kept: int | None = None  #: steps at the last checkpoint
        why = run.envs.why_not_resumed()
        self._able = why is None
        if why:
            print(f"this task's runs cannot be resumed, for {why}: an interrupted run begins again", file=sys.stderr)

    def seconds(self) -> float:
        """Wall time of the run so far, of all processes that worked on it."""
        return self._before + time.perf_counter() - self._start

    def resume(self) -> None:
        """Take the run up where its checkpoint is, if there is one that is valid here."""
        if not (self._able and self._path.is_file()):
            return
        try:
            wrong = checkpoint.load(self._run, self._path, self._identity)
        except OSError as error:
            wrong = str(error)
        if wrong:
            print(f"the checkpoint is not used, for {wrong}: the run starts from the beginning", file=sys.stderr)
            return
        self._kept = self._run.envs.steps
        self._before, self.resumed = self._run.seconds.pop("before"), int(self._run.seconds.pop("resumed")) + 1
        print(f"goes on at {self._run.envs.steps:,} steps", file=sys.stderr)

    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return self._able and time.perf_counter() - self._saved > max(EVERY, self._cost / SHARE)

    def save(self) -> None:
        """Write a checkpoint; where that cannot be done the run goes on without, and says so once."""
        if not self._able:
            return
        begun = time.perf_counter()
        extra = {"before": self.seconds(), "resumed": self.resumed}
        try:
            checkpoint.save(self._run, self._path, self._identity, extra)
            self._kept = self._run.envs.steps
        except (OSError, TypeError) as error:
            self._able = False
            print(f"warning: no more checkpoints, {self.outlook()}: {error}", file=sys.stderr)
        self._saved = time.perf_counter()
        self._cost = self._saved - begun

    def outlook(self) -> str:
        """What the next start does with the run if it is stopped now."""
        if self._kept is None:
            return "the next start begins again"
        return f"the next start goes on from {self._kept:,} steps"
