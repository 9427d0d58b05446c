"""A call of Snakemake, read from its command line: the plan is made before Snakemake tells what is asked for.

Imported by the Snakefile alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import UsageError
from study.options import nearest

#: Ways to call Snakemake that run no job.
IDLE = (
    "archive",
    "cleanup_metadata",
    "conda_create_envs_only",
    "containerize",
    "d3dag",
    "dag",
    "detailed_summary",
    "dryrun",
    "filegraph",
    "lint",
    "list_changes",
    "list_conda_envs",
    "list_input_changes",
    "list_params_changes",
    "list_rules",
    "list_target_rules",
    "list_untracked",
    "print_compilation",
    "report",
    "rulegraph",
    "summary",
    "unlock",
)


@dataclass(frozen=True)
class Call:
    """The parts of a command line that the plan looks at."""

    targets: tuple[str, ...] = ()  #: as given: studies, other rules, files
    idle: bool = False  #: no job is to run, and nothing on disk is to change
    forced: str | None = None  #: the option by which training is asked for although runs are there
    directory: Path | None = None  #: where Snakemake is told to work

    def studies(self, known: Iterable[str], default: str) -> set[str]:
        """The studies that the targets belong to: named, or by a file of theirs; all where that cannot be told."""
        found, known = set(), set(known)
        for target in self.targets or (default,):
            parts = Path(target).parts
            name = parts[1] if parts[:1] == ("results",) and len(parts) > 1 else target
            found |= {study for study in known if name in (study, f"{study}_videos")} or known
        return found


def read_call(arguments: Sequence[str]) -> Call:
    """``arguments`` as Snakemake itself reads them; an empty call where it would refuse them, as it then does."""
    from snakemake.cli import get_argument_parser

    try:
        given = vars(get_argument_parser().parse_known_args(list(arguments))[0])
    except SystemExit:
        return Call()
    targets = tuple(map(str, given.get("targets") or ()))
    rerun = tuple(map(str, given.get("forcerun") or ()))
    forced = None
    if "train" in rerun or any(map(_is_of_a_run, rerun)):
        forced = "-R"
    elif given.get("forceall"):
        forced = "-F"
    elif given.get("force") and any(map(_is_of_a_run, targets)):
        forced = "-f"
    directory = given.get("directory")
    idle = any(given.get(name) for name in IDLE)
    return Call(targets, idle, forced, Path(directory) if directory else None)


def _is_of_a_run(target: str) -> bool:
    return target.startswith("results/runs/")


def check_call(call: Call, root: Path, config: Iterable[str]) -> None:
    """Raise UsageError for what Snakemake would take and the study cannot do. ``config`` are keys of ``--config``."""
    if call.directory and call.directory.resolve() != root:
        raise UsageError(
            f"--directory {call.directory}: a study works in its checkout ({root}): leave the option out; "
            f"from another folder, call snakemake -s {root / 'Snakefile'}"
        )
    if call.forced:
        raise UsageError(
            f"{call.forced}: a run is kept by its key, and this would train none again. Delete the run's folder "
            "(results/runs/ALGORITHM/TASK/KEY/seedN) and call snakemake without the option; to draw again: -R tables"
        )
    for key in config:
        raise UsageError(f"--config {key}: nothing is set there; studies are described in studies.yaml")


def check_targets(call: Call, rules: Iterable[str]) -> None:
    """Raise UsageError for a target that is no rule and cannot be a file."""
    rules = set(rules)
    for target in call.targets:
        if target not in rules and "/" not in target and not Path(target).exists():
            raise UsageError(f"target {nearest(target, rules)}")
