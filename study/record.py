"""Questions to a ``run.json``: with which kernels its run was made, and of which releases."""

import os

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


def environment(record: dict) -> dict[str, str]:
    """The environment for a process that is to make the run of this ``run.json`` again."""
    others = {name: value for name, value in os.environ.items() if name not in OVERRIDES}
    return others | record.get("overrides", {})


def portable(record: dict) -> bool:
    """Whether the run of this ``run.json`` was made with :data:`PORTABLE`: then its processor decides nothing."""
    return record.get("overrides") == PORTABLE


def release(name: str, version: str) -> str:
    """A version of ``versions`` as far as it decides bytes: of Python 3.11.7 "3.11", of a build 2.13.0+cpu "2.13.0"."""
    public = version.partition("+")[0]
    return ".".join(public.split(".")[:2]) if name == "python" else public
