"""Kernels that give the same bits on every x86-64 processor with AVX2 and FMA, whoever made it.

Libraries choose their kernels by the processor, and sums in another order have other last bits. A study with
``portable: true`` has its runs trained with those that all of these processors have: the same bytes on all. Matrix
products then take the slower of Intel MKL's ways, a run about a fifth longer (docs/determinism.md).
"""

import os
import platform
import warnings
from pathlib import Path

#: Variables that choose other kernels than the processor's flags would. They are read when torch and numpy load.
OVERRIDES = (
    "ATEN_CPU_CAPABILITY",
    "GLIBC_TUNABLES",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "NPY_DISABLE_CPU_FEATURES",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
)

PORTABLE = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own, and TorchInductor's vectors
    "MKL_CBWR": "COMPATIBLE",  # MKL's AVX2 branch is another on processors that are not Intel's
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # numpy's beyond AVX2, by its names of them
    "OPENBLAS_CORETYPE": "Haswell",  # numpy's matrix products
}
MARCH = "haswell"  #: what the compiler of updates may use: AVX2 and FMA. The bytes do not depend on it
_REGISTERED = []  # by use_exact_sqrt; torch forgets it with the last reference


def can_be_portable() -> bool:
    """Whether this processor has what :data:`PORTABLE` asks for."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    return {"avx2", "fma"} <= set(flags)


def use_exact_sqrt() -> None:
    """Have torch take square roots as IEEE 754 says, where it is not compiled code that takes them.

    MKL's way begins with an estimate by an instruction (rsqrtps) whose bits each maker of processors chooses.
    """
    import numpy as np
    import torch

    def into(out, x):
        np.sqrt(x.detach().numpy(), out=out.detach().numpy())
        return out

    warnings.filterwarnings("ignore", "(?s).*Overriding a previously registered kernel", UserWarning)  # it is meant to
    library = torch.library.Library("aten", "IMPL", "CPU")
    library.impl("sqrt", lambda x: into(torch.empty_like(x), x))
    library.impl("sqrt_", lambda x: into(x, x))
    _REGISTERED.append(library)


def environment(record: dict) -> dict[str, str]:
    """The environment for a process that is to make the run of this ``run.json`` again."""
    others = {name: value for name, value in os.environ.items() if name not in OVERRIDES}
    return others | record.get("overrides", {})


def portable(record: dict) -> bool:
    """Whether the run of this ``run.json`` was made with :data:`PORTABLE`: then its processor decides nothing."""
    return record.get("overrides") == PORTABLE
