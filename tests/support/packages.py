"""What the tests need of a system besides Python, make and a C++ compiler: the one list, by Debian package.

python tests/support/packages.py          prints the packages that are missing here; `make test-deps` installs them
python tests/support/packages.py slurm    those of `make slurm-test`
"""

import ctypes
import os
import shutil
import sys

#: Commands, and libraries by the names under which they are loaded.
TESTS = {
    "git": "git",
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "rsync": "rsync",
    "qemu-x86_64": "qemu-user",
}
SLURM = {"munged": "munge", "slurmctld": "slurmctld", "slurmd": "slurmd", "sbatch": "slurm-client"}
CHROMES = ("chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
ALSO = {"chromium": (*CHROMES, MAC)}  #: what it is called on other systems


def find(name: str) -> str | None:
    """Where a command is; of a library its name, if it can be loaded or is asked for on Linux only."""
    if ".so" in name:
        return name if sys.platform != "linux" or _loads(name) else None
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return next(filter(None, (shutil.which(known, path=path) for known in (name, *ALSO.get(name, ())))), None)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    wanted = SLURM if sys.argv[1:] == ["slurm"] else TESTS
    print(*(package for name, package in wanted.items() if find(name) is None))
