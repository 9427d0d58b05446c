"""Renew the two locks: install what pyproject.toml names into an empty environment, and write down what came.

``requirements.lock`` is what a user needs to train, draw, page and film; ``requirements-dev.lock`` what tests and
linters need besides, resolved so that it changes nothing of the first. Run by ``make lock``.
"""

import subprocess
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK, DEV = "requirements.lock", "requirements-dev.lock"
MADE = "# Made by `make lock` from pyproject.toml; do not edit. "
HEADERS = {
    LOCK: MADE + "What the project runs with.\n",
    DEV: f"{MADE}What its tests and linters need besides.\n-r {LOCK}\n",
}
#: What PyPI's torch brings on Linux alone; nothing here uses it.
CUDA = ("nvidia-", "cuda-", "triton")


def pins(frozen: str) -> list[str]:
    """The lines of ``pip freeze`` that hold for every system and index: no build's label, no address, no CUDA."""
    named = [line.partition("+")[0] for line in frozen.splitlines() if "==" in line]
    return [pin for pin in named if not pin.startswith(CUDA)]


def main() -> None:
    """Resolve, freeze and write, first what runs need and then the rest."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {LOCK: project["project"]["dependencies"], DEV: project["dependency-groups"]["dev"]}
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip = [f"{folder}/bin/python", "-m", "pip", "--disable-pip-version-check"]
        known: list[str] = []
        for name, packages in wanted.items():
            held = Path(folder) / "held"
            held.write_text("\n".join(known) + "\n", encoding="utf-8")
            subprocess.run([*pip, "install", "--quiet", "--constraint", held, *packages], check=True)
            frozen = subprocess.run([*pip, "freeze"], check=True, capture_output=True, text=True).stdout
            new = [pin for pin in pins(frozen) if pin not in known]
            (ROOT / name).write_text(HEADERS[name] + "\n".join(new) + "\n", encoding="utf-8")
            print(f"{name}: {len(new)} packages")
            known += new


if __name__ == "__main__":
    main()
