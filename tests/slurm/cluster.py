"""A Slurm of one node on loopback: started by hand, since a container has no systemd, and stopped whatever happens.

Debian's packages of ``SLURM`` in ``tests/support/packages.py`` must be there (``make slurm-test`` installs them).
"""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

TEMPLATE = Path(__file__).with_name("slurm.conf")
#: Jobs look here: the executor takes SLURM_CONF from their environment.
CONF = Path("/etc/slurm/slurm.conf")
MADE_BY = "# Made for a test"
PROGRAMS = ("munged", "mungekey", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")


class ClusterError(Exception):
    """Why there can be no cluster here; one line."""


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """A cluster that runs while the context lasts, with its state and logs in ``folder``. Raises ClusterError."""
    check()
    CONF.parent.mkdir(exist_ok=True)
    with open("/run/stepsize-slurm-test.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClusterError("another test has its Slurm here: wait for its end") from None
        with _daemons(folder):
            yield


@contextlib.contextmanager
def _daemons(folder: Path) -> Iterator[None]:
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)  # munged refuses a socket that others could not reach
    (folder / "munge").chmod(0o711)
    host = socket.gethostname().split(".")[0]
    text = TEMPLATE.read_text().replace("<host>", host).replace("<folder>", str(folder))
    CONF.write_text(f"{MADE_BY}\n{text}")
    daemons = []
    try:
        daemons.append(_munged(folder / "munge"))
        for name in ("slurmctld", "slurmd"):
            with (folder / f"{name}.out").open("w") as out:
                daemons.append(subprocess.Popen([name, "-D", "-f", CONF], stdout=out, stderr=out))
        _wait_for_node(host, daemons, folder)
        yield
    finally:
        if len(daemons) == 3:
            _end_jobs()
        for daemon in reversed(daemons):
            _stop(daemon)
        CONF.unlink(missing_ok=True)


def check() -> None:
    """Raise ClusterError unless a cluster can be started here."""
    missing = [name for name in PROGRAMS if _which(name) is None]
    if missing:
        raise ClusterError(f"no Slurm here ({', '.join(missing)} not found): `make slurm-test` installs it (Debian)")
    if os.getuid() != 0:
        raise ClusterError("Slurm's daemons start jobs as other users: run this as root, best in a container")
    if CONF.is_file() and not CONF.read_text().startswith(MADE_BY):
        raise ClusterError(
            f"{CONF} is there: this machine has a Slurm of its own, which the test would take the place of"
        )


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _munged(folder: Path) -> subprocess.Popen:
    """Slurm's messages are signed by it; with a key of its own that nobody else has."""
    key, place = folder / "key", folder / "socket"
    subprocess.run([_which("mungekey"), "-c", "-k", key], check=True)
    files = [f"--{name}-file={folder / name}" for name in ("log", "pid", "seed")]
    with (folder / "out").open("w") as out:
        command = [_which("munged"), "--foreground", f"--key-file={key}", f"--socket={place}", *files]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    for _ in range(100):
        if place.exists():
            return process
        if process.poll() is not None:
            break
        time.sleep(0.1)
    _stop(process)
    raise ClusterError(f"munged does not start: {(folder / 'out').read_text().strip()}")


def _wait_for_node(host: str, daemons: list[subprocess.Popen], folder: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = subprocess.run(["sinfo", "-h", "-n", host, "-o", "%T"], capture_output=True, text=True).stdout.split()
        if state and set(state) == {"idle"}:
            return
        if any(daemon.poll() is not None for daemon in daemons):
            break
        time.sleep(0.5)
    said = [line for log in ("slurmctld", "slurmd") for line in _last(folder / f"{log}.log", folder / f"{log}.out")]
    raise ClusterError("Slurm does not start:\n" + "\n".join(said))


def _last(*files: Path) -> list[str]:
    return [f"{f.name}: {line}" for f in files if f.is_file() for line in f.read_text().splitlines()[-10:]]


def _end_jobs(seconds: float = 60) -> None:
    """No job is to outlive its cluster."""
    subprocess.run(["scancel", "--user", "root"], capture_output=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not subprocess.run(["squeue", "-h"], capture_output=True, text=True).stdout.strip():
            return
        time.sleep(0.5)


def _stop(daemon: subprocess.Popen) -> None:
    daemon.terminate()
    try:
        daemon.wait(20)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
