"""Which tasks there are, read without importing Gymnasium: the plan would wait for it at each ``snakemake -n``."""

import functools
import importlib.util
import re
from pathlib import Path

from core.errors import UsageError
from core.options import nearest


@functools.cache
def registered() -> list[str]:
    """The ids that Gymnasium itself registers, from its source; none where it is not installed."""
    found = importlib.util.find_spec("gymnasium")
    if found is None or found.origin is None:
        return []
    source = Path(found.origin).parent / "envs" / "__init__.py"
    return re.findall(r'id="([^"]+)"', source.read_text(encoding="utf-8")) if source.is_file() else []


def check_id(task_id: str, where: str) -> None:
    """Raise UsageError for an id that should be Gymnasium's own and is not.

    Those of a module (``module:Task-v0``) or a plugin (``plugin/Task-v0``) are seen when a run starts.
    """
    if registered() and not re.search("[:/]", task_id) and task_id not in registered():
        raise UsageError(f"{where}: id {nearest(task_id, registered())} (a task of another package is package:Task-v0)")
