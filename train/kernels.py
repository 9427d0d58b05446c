"""Kernels that give the same bits on every x86-64 processor with AVX2 and FMA, whoever made it.

Libraries choose their kernels by the processor, and sums in another order have other last bits. A study with
``portable: true`` has its runs trained with those that all of these processors have: the same bytes on all. Matrix
products then take the slower of Intel MKL's ways, a run about a fifth longer (docs/determinism.md).
"""

import platform
import warnings
from pathlib import Path

MARCH = "haswell"  #: what the compiler of updates may use: AVX2 and FMA. The bytes do not depend on it
_REGISTERED: list = []  # by use_exact_sqrt; torch forgets it with the last reference


def can_be_portable() -> bool:
    """Whether this processor has what ``PORTABLE`` of study/record.py asks for."""
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
