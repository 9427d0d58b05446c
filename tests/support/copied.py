"""Copies of the project, and Snakemake in them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from study.plan import ROOT

STUDIES = """
tiny:
  tasks: [InvertedPendulum]
  seeds: 1
  steps: 600
  methods:
    npg: {batch: 256}
    trpo: {batch: 256}
    ppo_clip: {batch: 256}
"""

FOUR_RUNS = """
tiny:
  tasks: [InvertedPendulum]
  seeds: 2
  steps: 1200
  methods:
    npg: {batch: 256}
    pg: {batch: 256}
"""

PARTS = [
    *(
        "algos",
        "analysis",
        "core",
        "docs",
        "lecture",
        "play",
        "profiles",
        "published",
        "rules",
        "schemas",
        "study",
        "tests",
    ),
    *("tools", "train"),
]
FILES = [
    "Snakefile",
    "envs.yaml",
    "pyproject.toml",
    "environment.yml",
    "requirements.lock",
    ".gitignore",
    ".gitattributes",
]


def copy_project(target: Path) -> Path:
    """The project's sources, without what was generated."""
    for part in PARTS:
        shutil.copytree(ROOT / part, target / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, target)
    return target


def snakemake(project: Path, *arguments: str) -> str:
    """Run Snakemake with two cores; its output. Fails the test where it fails."""
    done = run_snakemake(project, *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def run_snakemake(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    return subprocess.run(
        command, cwd=project, env=os.environ | {"PATH": path} | environment, capture_output=True, text=True
    )


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def git(project: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True)


def checkpoint_often(project: Path) -> None:
    """Every half second, whatever it costs."""
    edit(project / "train/keeper.py", "EVERY = 30.0", "EVERY = 0.5")
    edit(project / "train/keeper.py", "SHARE = 0.01", "SHARE = 1.0")
