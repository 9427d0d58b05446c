"""What the bytes of a run depend on besides its content key: docs/determinism.md. It stands in ``run.json``."""

import ctypes
import functools
import hashlib
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from core.graph import compiler
from core.key import ROOT
from core.machine import cpu

LIBRARIES = ("torch", "gymnasium", "mujoco", "numpy", "pyarrow")

#: Variables that choose other kernels than the processor's flags would.
OVERRIDES = (
    "ATEN_CPU_CAPABILITY",
    "GLIBC_TUNABLES",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "NPY_DISABLE_CPU_FEATURES",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
)


def provenance(compiled: bool) -> dict:
    """Libraries, processor and kernels of this process; ``compiled`` says whether its updates are machine code."""
    return {
        "threads": torch.get_num_threads(),
        "compiled": compiled,
        "compiler": _compiler() if compiled else None,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        "lock": _lock(),
        "libc": " ".join(platform.libc_ver()),
        "cpu": cpu(),
        "kernels": {"torch": torch.backends.cpu.get_cpu_capability(), "numpy": _openblas()},
        "overrides": {name: os.environ[name] for name in OVERRIDES if name in os.environ},
    }


@functools.cache
def _compiler() -> str | None:
    """The first line that the C++ compiler says of itself."""
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
    for path in (Path(np.__file__).parents[1] / "numpy.libs").glob("*openblas*"):
        name = getattr(ctypes.CDLL(str(path)), "scipy_openblas_get_corename64_", None)
        if name is not None:
            name.restype = ctypes.c_char_p
            return name().decode()
    return None
