"""The first part of a run again, beside what is kept of it: what ``tools.runs`` starts, in the kernels of that run.

    python -m tools.part FOLDER SHARE

Prints a JSON list: what differs, null if nothing does; what agrees.
"""

import json
import sys
from pathlib import Path

from core.envs.spec import spec_of
from study.record import portable
from tools.kept import Kept
from train.libraries import load_libraries

SAME = "same bytes"


def differs(kept: Kept, share: float) -> tuple[str | None, str]:
    """Run the first ``share`` of the run, at least two updates.

    Equal bytes are equal, whatever made them. Other bytes are a fault where nothing explains them. On another CPU type,
    with other libraries, or compiled where the run was not, the size of the first update's KL is compared, which last
    bits do not move.
    """
    load_libraries(portable(kept.record))  # before anything loads numpy
    import pandas as pd

    from analysis.data.runs import read_parquet
    from core.run import Run
    from train.files import update_rows

    of = kept.record
    run = Run(of["algo"], spec_of(of), kept.options, of["steps"], of["seed"])
    while run.status == "running" and (len(run.updates) < 2 or run.envs.steps < share * of["steps"]):
        run.iterate()
    rows = update_rows(run.updates)
    if 1 < len(rows) < len(run.updates):
        rows.pop()  # the mean of what there is so far
    was, now = read_parquet(kept.folder / "updates.parquet"), pd.DataFrame(rows)
    episodes = read_parquet(kept.folder / "episodes.parquet")
    until = int(now["step"].iloc[-1])
    ours = pd.DataFrame(run.envs.episodes, columns=["step", "return", "length", "end"])
    before, after = episodes[episodes["step"] <= until], ours[ours["step"] <= until]
    if was.head(len(now)).equals(now[list(was)].astype(was.dtypes)) and before.reset_index(drop=True).equals(
        after.astype(before.dtypes).reset_index(drop=True)
    ):
        return None, SAME
    if kept.alike() and of["compiled"] == run.agent.compiled:
        return f"other bytes within the first {until:,} steps", ""
    ratio = now["kl"].iloc[0] / was["kl"].iloc[0]
    wrong = None if 0.9 < ratio < 1.1 else f"the first update's KL is {ratio:.2f} times what it was"
    return wrong, "other bytes, by another machine, library or way of computing: the first update's KL agrees"


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    kept = Kept(folder, json.loads((folder / "run.json").read_text(encoding="utf-8")))
    print(json.dumps(differs(kept, float(sys.argv[2]))))
