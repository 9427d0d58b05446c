"""What grows with a study: the plan of 10,000 runs, tables and figures of 500 runs of 1M steps, imports."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from play.episodes import EPISODES, HOW, Played
from play.evaluate import write
from study.integrity import sealed
from study.plan import load_study

ROOT = Path(__file__).resolve().parent.parent
WIDE = """wide:
  tasks: [HalfCheetah, Hopper, InvertedDoublePendulum, InvertedPendulum, Reacher, Swimmer, Walker2d]
  seeds: 159
  steps: 1_000_000
  methods: {pg: , npg: , trpo: , ppo_clip: , ppo_kl: , pg_adaptive: , a2c: , a2c_trust_region: , cem: }
"""
FULL = """full:
  tasks: [HalfCheetah, Hopper, InvertedDoublePendulum, InvertedPendulum, Reacher, Swimmer, Walker2d]
  seeds: 8
  steps: 1_000_000
  methods: {pg: , npg: , trpo: , ppo_clip: , ppo_kl: , pg_adaptive: , a2c: , a2c_trust_region: , cem: }
"""


def timed(*command: str, cwd: Path = ROOT) -> tuple[float, float]:
    """Seconds and peak MB of a command with its children."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)}: exit status {status}")
    return time.perf_counter() - start, usage.ru_maxrss / 2**10


def project(folder: Path, study: str) -> Path:
    """A copy of the project with one study."""
    skip = shutil.ignore_patterns("results", "work", "logs", ".*", "__pycache__")
    copy = shutil.copytree(ROOT, folder / "project", ignore=skip)
    (copy / "studies.yaml").write_text(study, encoding="utf-8")
    return copy


def finished(copy: Path, run: Path, name: str) -> int:
    """Every run of the study, as a copy of one real run, and episodes of their policies; how many runs."""
    study, record = load_study(name, copy), json.loads((run / "run.json").read_text(encoding="utf-8"))
    for cell in study.cells:
        for seed in cell.seeds:
            folder = copy / cell.folder(seed)
            shutil.copytree(run, folder)
            changed = {"task": cell.task, "task_id": cell.task_id, "algo": cell.method.algo, "seed": seed}
            changed |= {"options": cell.method.options, "key": cell.key}
            (folder / "run.json").write_text(json.dumps(sealed(record | changed)), encoding="utf-8")
        policy = record["digests"]["policy.safetensors"][:12]
        episodes = [(seed, start, how) for seed in cell.seeds for how in HOW for start in range(EPISODES)]
        rows = [Played(seed, policy, how, start, 100.0 + start, 1000, "truncated") for seed, start, how in episodes]
        write(copy / cell.evaluation, rows)
    return sum(len(cell.seeds) for cell in study.cells)


def main(run: Path) -> list[str]:
    """Lines of a Markdown table; ``run`` is the folder of a finished run of 1M steps."""
    rows = ["| what | seconds | peak MB |", "|---|---|---|"]
    python = sys.executable
    torch = min(timed(python, "-c", "import torch")[0] for _ in range(5))
    job = "import train.job as job; job.load_libraries(False, *job.MODULES)"
    ours = min(timed(python, "-c", job)[0] for _ in range(5))
    rows.append(f"| `import torch` | {torch:.2f} | |")
    rows.append(f"| what a job imports, as it does: torch, the simulator, the readers of its files | {ours:.2f} | |")
    with tempfile.TemporaryDirectory() as folder:
        copy = project(Path(folder), WIDE)
        seconds, peak = timed(python, "-m", "snakemake", "-n", "--quiet", "all", "--", "wide", cwd=copy)
        rows.append(f"| plan of {7 * 9 * 159:,} runs, `snakemake -n` | {seconds:.1f} | {peak:.0f} |")
    with tempfile.TemporaryDirectory() as folder:
        copy = project(Path(folder), FULL)
        count = finished(copy, run, "full")
        seconds, peak = timed(python, "-m", "snakemake", "--cores", "1", "full", cwd=copy)
        rows.append(f"| tables and figures of {count} runs of 1M steps | {seconds:.1f} | {peak:.0f} |")
    return rows


if __name__ == "__main__":
    print("\n".join(main(Path(sys.argv[1]))))
