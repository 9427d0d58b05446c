"""Drawing without a screen: which of MuJoCo's ways to OpenGL works here.

    python -m play.opengl

``MUJOCO_GL`` decides where it is set. Else, on Linux, it is EGL (a graphics card's, or Mesa's on the CPU) or OSMesa
(always on the CPU), whichever can be started; other systems have their own, which MuJoCo finds.
"""

import os
import subprocess
import sys

from core.errors import UsageError

WAYS = ("egl", "osmesa")
_TRY = "import mujoco; mujoco.GLContext(16, 16).make_current()"


def choose() -> None:
    """Set ``MUJOCO_GL``, which is read when the first picture is drawn. Raises UsageError where nothing works."""
    given = os.environ.get("MUJOCO_GL")
    if given is None and sys.platform != "linux":
        return
    for way in WAYS if given is None else [given]:
        if _works(way):
            os.environ["MUJOCO_GL"] = way
            return
    if given is not None:
        raise UsageError(f"MUJOCO_GL={given} does not work here: unset it, or see https://mujoco.org about OpenGL")
    raise UsageError(
        "videos need OpenGL, and no library of it works here. On Debian and Ubuntu: apt-get install libegl1 libgl1; "
        "with conda: conda install mesalib. No screen and no graphics card is needed"
    )


def _works(way: str) -> bool:
    """Whether a process can draw this way; in one of its own, because a way that fails cannot be tried twice in one."""
    environment = os.environ | {"MUJOCO_GL": way}
    return subprocess.run([sys.executable, "-c", _TRY], env=environment, capture_output=True).returncode == 0


def main() -> int:
    """Say which way works; the return value is the exit status."""
    try:
        choose()
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"OpenGL: {os.environ.get('MUJOCO_GL', 'as the system has it')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
