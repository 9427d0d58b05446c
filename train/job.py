"""One run as a job: trained, or taken up again, and its files written."""

import os
import sys
import tempfile
import time
from pathlib import Path

import filelock

from core.errors import UsageError
from study.cells import Cell
from study.integrity import damage
from study.key import ROOT, sources_changed
from study.progress import progress_file
from study.task_sources import check_files
from train.libraries import load_libraries, takes_portable
from train.progress import Reporter

MODULES = ("core.run", "train.files", "train.keeper")  #: what a run imports once its libraries are there


def train(cell: Cell, seed: int) -> None:
    """Train and write the files, unless they are there: then they are valid, whatever made them.

    Prints a progress line: rewritten in a terminal, now and then in a log. Beside the checkpoint lies
    ``progress.json`` (``study/progress.py``) until the run is finished. Raises UsageError where the files cannot be
    written, or where the sources changed under the run as it started; KeyboardInterrupt after a signal to stop, with
    the checkpoint written.
    """
    folder = ROOT / cell.folder(seed)  # takes the key before anything is imported
    progress = progress_file(cell.folder(seed), ROOT)
    work = progress.parent
    _check_writable(work)
    lock = filelock.FileLock(work / "lock")
    try:
        held = lock.acquire(blocking=False)
    except filelock.Timeout:
        print(f"another process trains {cell.folder(seed)}: waiting for it", file=sys.stderr)
        held = lock.acquire()
    with held:
        reporter = Reporter(f"{cell.method.name} {cell.task} seed {seed}", progress, cell.steps)
        try:
            _check_writable(folder)
            there = all((ROOT / file).is_file() for file in cell.files(seed))
            wrong = damage(folder) if there else None
            if wrong:
                print(f"warning: {cell.folder(seed)}: {wrong}: training it again", file=sys.stderr)
            if there and not wrong:
                print(f"already there: {cell.folder(seed)} (delete it to train it anew)", file=sys.stderr)
            else:
                _train(cell, seed, folder, work / "checkpoint", reporter)
        except Exception as error:
            reporter.failed(error, cell.task)
            raise
        (work / "checkpoint").unlink(missing_ok=True)  # the lock stays: another process may be waiting for it
        reporter.remove()


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UsageError(f"{folder.relative_to(ROOT)}: cannot be written: {error.strerror}") from None


def _train(cell: Cell, seed: int, folder: Path, checkpoint_path: Path, reporter: Reporter) -> None:
    start = time.perf_counter()
    load_libraries(takes_portable(cell), *MODULES)
    from core.compile import NotCompiled
    from train.files import git_commit

    options, how = cell.method.options, (cell, seed, folder, checkpoint_path, reporter, git_commit(), start)
    try:
        return _train_with(options, *how)
    except NotCompiled as error:
        print(f"warning: {error}: updates run uncompiled, several times slower", file=sys.stderr, flush=True)
    return _train_with(options | {"compile_from": cell.steps + 1}, *how)


def _train_with(
    options: dict,
    cell: Cell,
    seed: int,
    folder: Path,
    checkpoint_path: Path,
    reporter: Reporter,
    commit: str | None,
    start: float,
) -> None:
    """Raises NotCompiled where an update was to be compiled and could not be; nothing is written then."""
    from core.compile import CACHE
    from core.run import Run
    from train.checkpoint import Unusable
    from train.files import write_run
    from train.keeper import Keeper
    from train.stop import Stop

    run = Run(cell.method.algo, cell.spec, options, cell.steps, seed)
    if sources_changed(cell.method.algo, cell.spec):
        raise UsageError(f"a source of {cell.method.algo}, or of its task, changed as the run started: start it again")
    check_files(run.envs.files, cell.spec, ROOT)
    stop = Stop()
    ready = CACHE / f"{cell.key}{'-portable' * cell.portable}.ready"
    if run.agent.compiled and not ready.exists():
        reporter.compiling()
        _compile_apart(run, ready)
    keeper = Keeper(run, checkpoint_path, {"key": cell.key, "seed": seed}, start)
    try:
        keeper.resume()
    except Unusable as error:
        print(f"the checkpoint is not used, for {error}: the run starts from the beginning", file=sys.stderr)
        checkpoint_path.unlink()
        return _train_with(options, cell, seed, folder, checkpoint_path, reporter, commit, start)
    reporter.training(run, keeper.seconds())
    while run.status == "running":
        run.iterate()
        reporter.iterated(run, keeper.seconds())
        if run.status == "running" and (stop.asked or keeper.due()):
            keeper.save()
            if stop.asked:
                reporter.stopped(run, keeper.seconds(), keeper.outlook())
                raise KeyboardInterrupt
    if run.status == "finished" and not run.updates:
        raise UsageError(
            f"{reporter.name}: its {cell.steps:,} steps were spent before the first batch was whole, and nothing was "
            "learned: give it more steps, or smaller batches"
        )
    try:
        write_run(folder, run, cell, seed, keeper.seconds(), commit, keeper.resumed)
    except OSError as error:
        raise UsageError(
            f"{cell.folder(seed)}: cannot be written: {error.strerror}; when it can be, start it again"
        ) from None
    reporter.finished(run, keeper.seconds(), cell.folder(seed))


def _compile_apart(run, ready: Path) -> None:
    """Let a child take the first iteration, and compile on its way: the compiler's memory is not to be the run's.

    The child's run is lost with it. Raises NotCompiled if the child did. Where it ended otherwise, the run itself
    compiles, or fails as it did.
    """
    if sys.platform != "linux":  # where a fork is not safe
        return
    from core.compile import NotCompiled

    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            run.iterate()
            ready.touch()
        except NotCompiled as error:
            os.write(told, str(error).encode())
        finally:
            os._exit(0)
    os.close(told)
    with open(heard, encoding="utf-8") as pipe:
        reason = pipe.read()
    os.waitpid(child, 0)
    if reason:
        raise NotCompiled(reason)
