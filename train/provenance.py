"""What the bytes of a run depend on besides its content key: docs/determinism.md. It stands in ``run.json``."""

import ctypes
import functools
import hashlib
import os
import platform
import subprocess
import sys
from importlib.metadata import packages_distributions, version
from pathlib import Path

from core.machine import cpu
from study.key import ROOT
from study.record import OVERRIDES

LIBRARIES = ("torch", "gymnasium", "mujoco", "numpy", "pyarrow")


def provenance(compiled: bool) -> dict:
    """All of it, of this process; ``compiled`` says whether its updates are machine code."""
    import torch

    return {
        "threads": torch.get_num_threads(),
        "compiled": compiled,
        "compiler": _compiler() if compiled else None,
        **machine(),
        "kernels": {"torch": torch.backends.cpu.get_cpu_capability(), "numpy": _openblas()},
        "overrides": {name: os.environ[name] for name in OVERRIDES if name in os.environ},
    }


def packages(modules: list[str]) -> dict[str, str]:
    """Distributions that a task and its wrappers come from, with their versions; LIBRARIES stand in ``versions``."""
    roots = {module.partition(".")[0] for module in modules} - {*LIBRARIES, *sys.builtin_module_names}
    roots = {root for root in roots if not (ROOT / root).is_dir() and not (ROOT / f"{root}.py").is_file()}
    found = packages_distributions() if roots - sys.stdlib_module_names else {}
    return {name: version(name) for name in sorted({name for root in roots for name in found.get(root, ())})}


def machine() -> dict:
    """Libraries and processor: what can be known before torch is imported."""
    return {
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        "lock": _lock(),
        "libc": " ".join(platform.libc_ver()),
        "cpu": cpu(),
    }


@functools.cache
def _compiler() -> str | None:
    """The first line that the C++ compiler says of itself."""
    from core.compile import compiler

    try:
        done = subprocess.run([compiler() or "", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.partition("\n")[0]


def _lock() -> str | None:
    """Digest of ``requirements.lock``: what should be installed. ``versions`` is what is."""
    try:
        return hashlib.sha256((ROOT / "requirements.lock").read_bytes()).hexdigest()[:12]
    except OSError:
        return None


def _openblas() -> str | None:
    """The kernels that numpy's OpenBLAS chose when it was loaded; None where numpy came with another library."""
    import numpy as np

    for path in (Path(np.__file__).parents[1] / "numpy.libs").glob("*openblas*"):
        name = getattr(ctypes.CDLL(str(path)), "scipy_openblas_get_corename64_", None)
        if name is not None:
            name.restype = ctypes.c_char_p
            return name().decode()
    return None
