"""What a process imports to train or play, with one thread, and with which kernels."""

import gc
import importlib
import os
import sys

from study.cells import Cell
from study.record import PORTABLE
from train.kernels import MARCH, can_be_portable, use_exact_sqrt


def load_libraries(portable: bool = False, *modules: str) -> None:
    """Import torch and ``modules`` for one thread, as fast as may be; ``portable``: with the kernels of that name."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"  # read when numpy and torch load, so they load here
    if portable:
        os.environ.update(PORTABLE)
    os.environ["MUJOCO_GL"] = "disable"  # a run draws nothing, and needs no library that does
    gc.disable()  # importing makes objects by the hundred thousand, and none of them garbage
    import torch

    import core.compile

    for name in modules:
        importlib.import_module(name)
    if portable:
        use_exact_sqrt()
        core.compile.compile_for(MARCH)
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
