"""Train one run: one cell of a study with one seed. The command line, and the workflow's job, are this.

    python -m core.train --study quick --task Hopper --method trpo --seed 0
    python -m core.train --study quick --task Hopper --method ppo_clip --seed 0 --steps 20000 --set epsilon=0.1

The second is a try: its files lie under the key of its options and steps, and no study reads them. A run that is
interrupted or killed goes on where it was, at the next start (``core/checkpoint.py``).
"""

import argparse
import ctypes
import gc
import os
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import filelock

from core.errors import UsageError, named
from core.kernels import MARCH, PORTABLE, can_be_portable, use_exact_sqrt
from core.key import ROOT, sources_changed
from core.plan import Cell, load_study, name_a_cell, override
from core.task_sources import check_files
from core.whole import damage


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the return value is the exit status."""
    args = _parser().parse_args(argv)
    if args.key:
        _end_with_parent()
    try:
        cell = load_study(args.study).cell(args.task, args.method)
        if args.set or args.steps is not None:
            cell = override(cell, args.set, args.steps)
        if args.seed < 0:
            raise UsageError(f"--seed {args.seed}: give 0 or more")
        if args.key and args.key != cell.key:
            raise UsageError(
                f"{args.method} on {args.task}: the sources or options changed since the run was planned "
                f"(key {args.key}, now {cell.key}); start snakemake again"
            )
        train(cell, args.seed)
    except UsageError as error:
        print(f"error: {named(error, args.task)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except Exception as error:
        traceback.print_exc()
        run = f"{args.method} on {args.task}, seed {args.seed}"
        said = " ".join(str(error).split())
        print(f"error: {run}: crashed ({type(error).__name__}: {said}); above is where", file=sys.stderr)
        return 1
    return 0


def _end_with_parent() -> None:
    """Have Linux send SIGTERM when Snakemake dies, even killed: a job is not to go on as an orphan."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def train(cell: Cell, seed: int) -> None:
    """Train and write the files, unless they are there: then they are valid, whatever made them.

    Prints a progress line: rewritten in a terminal, now and then in a log. Raises UsageError where the files
    cannot be written, or where the sources changed under the run as it started; KeyboardInterrupt after a
    signal to stop, with the checkpoint written.
    """
    folder = ROOT / cell.folder(seed)  # takes the key before anything is imported
    work = ROOT / "work" / cell.folder(seed)
    for place in (folder, work):
        try:
            place.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=place).close()
        except OSError as error:
            raise UsageError(f"{place.relative_to(ROOT)}: cannot be written: {error.strerror}") from None
    lock = filelock.FileLock(work / "lock")
    try:
        held = lock.acquire(blocking=False)
    except filelock.Timeout:
        print(f"another process trains {cell.folder(seed)}: waiting for it", file=sys.stderr)
        held = lock.acquire()
    with held:
        there = all((ROOT / file).is_file() for file in cell.files(seed))
        wrong = damage(folder) if there else None
        if wrong:
            print(f"warning: {cell.folder(seed)}: {wrong}: training it again", file=sys.stderr)
        if there and not wrong:
            print(f"already there: {cell.folder(seed)} (delete it to train it anew)", file=sys.stderr)
        else:
            _train(cell, seed, folder, work / "checkpoint")
        (work / "checkpoint").unlink(missing_ok=True)  # the lock stays: another process may be waiting for it


def load_libraries(portable: bool = False) -> None:
    """Import what a run needs: for one thread, and as fast as may be; ``portable``: with the kernels of that name."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"  # read when numpy and torch load, so they load here
    if portable:
        os.environ.update(PORTABLE)
    os.environ["MUJOCO_GL"] = "disable"  # a run draws nothing, and needs no library that does
    gc.disable()  # importing makes objects by the hundred thousand, and none of them garbage
    import torch

    import core.files
    import core.graph
    import core.progress

    if portable:
        use_exact_sqrt()
        core.graph.OPTIONS["cpp.march"] = MARCH  # which is part of the name that a compiled update is kept under
    gc.freeze()
    gc.enable()
    torch.set_num_interop_threads(1)


def takes_portable(cell: Cell) -> bool:
    """Whether a run of the cell gets portable kernels; where its study asks for them in vain, that is said."""
    possible = can_be_portable()
    if cell.portable and not possible:
        print(
            "warning: studies.yaml: portable: needs an x86-64 processor with AVX2 and FMA; this is made with the "
            "kernels of this one, and has other last bits",
            file=sys.stderr,
        )
    return cell.portable and possible


def _train(cell: Cell, seed: int, folder: Path, checkpoint_path: Path) -> None:
    start = time.perf_counter()
    load_libraries(takes_portable(cell))
    from core.files import git_commit
    from core.graph import NotCompiled

    options, how = cell.method.options, (cell, seed, folder, checkpoint_path, git_commit(), start)
    try:
        return _train_with(options, *how)
    except NotCompiled as error:
        print(f"warning: {error}: updates run uncompiled, several times slower", file=sys.stderr, flush=True)
    return _train_with(options | {"compile_from": cell.steps + 1}, *how)


def _train_with(
    options: dict, cell: Cell, seed: int, folder: Path, checkpoint_path: Path, commit: str | None, start: float
) -> None:
    """Raises NotCompiled where an update was to be compiled and could not be; nothing is written then."""
    from core.checkpoint import Unusable
    from core.files import write_run
    from core.graph import CACHE
    from core.progress import Keeper, Stop, line
    from core.run import Run

    run = Run(cell.method.algo, cell.spec, options, cell.steps, seed)
    if sources_changed(cell.method.algo, cell.spec):
        raise UsageError(f"a source of {cell.method.algo}, or of its task, changed as the run started: start it again")
    check_files(run.envs.files, cell.spec, ROOT)
    name = f"{cell.method.name} {cell.task} seed {seed}"
    live, reported = sys.stderr.isatty(), start
    stop = Stop()
    ready = CACHE / f"{cell.key}{'-portable' * cell.portable}.ready"
    if run.agent.compiled and not ready.exists():
        print(f"{name}: compiling its updates, once for all its seeds", file=sys.stderr, flush=True)
        _compile_apart(run, ready)
    keeper = Keeper(run, checkpoint_path, {"key": cell.key, "seed": seed}, start)
    try:
        keeper.resume()
    except Unusable as error:
        print(f"the checkpoint is not used, for {error}: the run starts from the beginning", file=sys.stderr)
        checkpoint_path.unlink()
        return _train_with(options, cell, seed, folder, checkpoint_path, commit, start)
    while run.status == "running":
        run.iterate()
        now = time.perf_counter()
        if now - reported > (0.2 if live else 20):
            reported = now
            print(line(run, name, keeper.seconds()), end="\r" if live else "\n", file=sys.stderr, flush=True)
        if run.status == "running" and (stop.asked or keeper.due()):
            keeper.save()
            if stop.asked:
                print(f"\n{name}: stopped at {run.envs.steps:,} steps; {keeper.outlook()}", file=sys.stderr)
                raise KeyboardInterrupt
    if run.status == "finished" and not run.updates:
        raise UsageError(
            f"{name}: its {cell.steps:,} steps were spent before the first batch was whole, and nothing was learned: "
            "give it more steps, or smaller batches"
        )
    try:
        write_run(folder, run, cell, seed, keeper.seconds(), commit, keeper.resumed)
    except OSError as error:
        raise UsageError(
            f"{cell.folder(seed)}: cannot be written: {error.strerror}; when it can be, start it again"
        ) from None
    print(line(run, name, keeper.seconds()), file=sys.stderr)
    why = f" ({run.wrong} is not finite)" if run.wrong else ""
    print(f"{name}: {run.status}{why} in {keeper.seconds():.0f} s: {cell.folder(seed)}", file=sys.stderr)


def _compile_apart(run, ready: Path) -> None:
    """Let a child take the first iteration, and compile on its way: the compiler's memory is not to be the run's.

    The child's run is lost with it. Raises NotCompiled if the child did. Where it ended otherwise, the run itself
    compiles, or fails as it did.
    """
    if sys.platform != "linux":  # where a fork is not safe
        return
    from core.graph import NotCompiled

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


def _whole(text: str) -> int:
    """A whole number, also as 1e6 or 1_000_000."""
    number = float(text)
    if not number.is_integer():
        raise ValueError
    return int(number)


_whole.__name__ = "whole number"  # argparse says "invalid whole number value"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core.train", description="Train one run of a study.")
    name_a_cell(parser)
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--steps", type=_whole, help="another budget, for a try")
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="another option, for a try")
    parser.add_argument("--key", help="the key that the plan gave the run: refuse if it is another by now")
    return parser


if __name__ == "__main__":
    sys.exit(main())
