"""The files of a finished run: each whole or absent, ``run.json`` last."""

import hashlib
import itertools
import json
import os
import resource
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.torch
import torch

from core.envs.recorded import Episode
from core.envs.spec import recorded
from core.normalise import FLOOR, ObservationFilter
from core.run import Run
from study.atomic import write_whole
from study.cells import Cell
from study.integrity import sealed
from study.key import ROOT, sources_digest
from train.provenance import packages, provenance

ROW_STEPS = 200  #: updates that come closer than this share a row: those of A2C would be 1 MB a run
RARE = ("nans",)  #: statistics that have a column only in a run where they are not 0 throughout


def write_run(
    folder: Path, run: Run, cell: Cell, seed: int, wall_seconds: float, commit: str | None, resumed: int = 0
) -> None:
    """Write the four files of ``study.cells.FILES`` into ``folder``. ``commit`` is what was checked out at the start.

    The tables hold no clock, so that equal runs are equal bytes; times are in ``run.json``. Where there is one already
    it goes first: what it says does not hold while the others are written. Raises OSError where that cannot be done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").unlink(missing_ok=True)
    tables = {"episodes": _episodes(run.envs.episodes), "updates": _updates(update_rows(run.updates))}
    contents = {f"{name}.parquet": _parquet(table) for name, table in tables.items()}
    contents["policy.safetensors"] = safetensors.torch.save(_policy(run))
    for name, content in contents.items():
        write_whole(folder / name, content)
    record = {
        "task": cell.task,
        **recorded(cell.spec),
        "algo": cell.method.algo,
        "seed": seed,
        "steps": cell.steps,
        "options": cell.method.options,
        "key": cell.key,
        "status": run.status,
        "episodes": len(run.envs.episodes),
        "updates": len(run.updates),
        "wall_seconds": round(wall_seconds, 3),
        "collect_seconds": round(run.seconds["collect"], 3),
        "update_seconds": round(run.seconds["update"], 3),
        "steps_per_second": round(run.envs.steps / wall_seconds, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if _mac() else 2**10), 1),
        "resumed": resumed,
        "sources": sources_digest(cell.method.algo),
        "commit": commit,
        **provenance(run.agent.compiled),
        **({"packages": found} if (found := packages(run.envs.modules)) else {}),
        "digests": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    }
    write_whole(folder / "run.json", (json.dumps(sealed(record), indent=1) + "\n").encode())


def update_rows(updates: list[dict]) -> list[dict]:
    """A row an update; where they come closer than ROW_STEPS, a row for those up to each multiple of it.

    Such a row has the last one's ``iteration`` and ``step``, and the means of the rest. RARE statistics that are 0 in
    all rows are left out.
    """
    rows, never = [], [name for name in RARE if not any(row.get(name) for row in updates)]
    updates = [{name: value for name, value in row.items() if name not in never} for row in updates]
    for _, group in itertools.groupby(updates, lambda row: (row["step"] - 1) // ROW_STEPS):
        *others, last = group
        if others:
            means = {name: float(np.mean([row[name] for row in (*others, last)])) for name in last}
            last = means | {name: last[name] for name in ("iteration", "step")}
        rows.append(last)
    return rows


def _parquet(table: pa.Table) -> bytes:
    """Numbers coded so that zstd finds what they share: a third less than without."""
    kinds = {field.name: field.type for field in table.schema}
    codes = {name: "BYTE_STREAM_SPLIT" for name, kind in kinds.items() if pa.types.is_floating(kind)}
    codes |= {name: "DELTA_BINARY_PACKED" for name, kind in kinds.items() if pa.types.is_integer(kind)}
    texts = [name for name in kinds if name not in codes]
    stream = pa.BufferOutputStream()
    pq.write_table(table, stream, compression="zstd", use_dictionary=texts, column_encoding=codes)
    return stream.getvalue().to_pybytes()


def _episodes(rows: list[Episode]) -> pa.Table:
    """Returns to seven digits: the rest is noise, and most of what tasks with short episodes would take."""
    types = {"step": np.int64, "return": np.float32, "length": np.int32, "end": str}
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    with np.errstate(over="ignore"):  # of a run that diverges
        return _table({name: np.array(c, t) for c, (name, t) in zip(columns, types.items(), strict=True)})


def _updates(rows: list[dict]) -> pa.Table:
    """A column for each entry of the rows, which all have the same ones."""
    names = rows[0] if rows else ("iteration", "step")
    return _table({name: np.array([row[name] for row in rows]) for name in names})


def _table(columns: dict[str, np.ndarray]) -> pa.Table:
    """As ``pa.table``, which would import pandas, and hold its 50 MB, to see whether the columns are of its kind."""
    return pa.Table.from_arrays([_column(values) for values in columns.values()], names=list(columns))


def _column(values: np.ndarray) -> pa.Array:
    if values.dtype.kind == "U":
        texts = [text.encode() for text in values.tolist()]
        ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
        return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(b"".join(texts)))
    if values.dtype.kind == "b":
        kind, values_ = pa.bool_(), np.packbits(values, bitorder="little")
    else:
        kind, values_ = pa.from_numpy_dtype(values.dtype), values
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values_)])


def _policy(run: Run) -> dict[str, torch.Tensor]:
    agent = run.agent
    tensors = {"theta": agent.theta}
    if isinstance(agent.filter, ObservationFilter):
        tensors |= {f"filter_{name}": torch.as_tensor(value) for name, value in agent.filter.pack().items()}
        tensors["filter_clip"] = torch.tensor(agent.filter.clip)
        if agent.filter.floor != FLOOR:  # so that the file of a run at the default has always the same bytes
            tensors["filter_floor"] = torch.tensor(agent.filter.floor, dtype=torch.float64)
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def _mac() -> bool:
    return sys.platform == "darwin"  # its ru_maxrss is in bytes


def git_commit() -> str | None:
    """The commit checked out, with ``-dirty`` where tracked files differ from it; None outside a repository of our own.

    Files in ``results/`` do not count: training a committed run again changes them, but no training reads them. Where
    git refuses the checkout the commit is None, and a line says so.
    """
    try:
        if not os.path.samefile(_git("rev-parse", "--show-toplevel"), ROOT):
            return None  # files without history, unpacked inside somebody's repository
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!results")
    except subprocess.CalledProcessError as error:
        if "dubious ownership" in error.stderr and (ROOT / ".git").exists():
            print(
                "warning: git refuses this checkout of another user: run.json names no commit. If you trust it: "
                f"git config --global --add safe.directory {shlex.quote(str(ROOT))}",
                file=sys.stderr,
            )
        return None
    except OSError:
        return None
    return commit + "-dirty" * bool(changed)


def _git(*arguments: str) -> str:
    """What git says of the checkout that this file is in, whatever repository its variables name."""
    kept = ("GIT_CONFIG", "GIT_EXEC_PATH")
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name.startswith(kept)}
    command = ["git", "--no-optional-locks", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env | {"LC_ALL": "C"}, capture_output=True, text=True, check=True)
    return done.stdout.strip()
