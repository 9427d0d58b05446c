"""A claim of the lectures: results/lecture/tables/TOPIC.csv, then figures/TOPIC.png and .svg of that file.

python -m lecture TOPIC
"""

import importlib
import sys
from pathlib import Path

import pandas as pd

from study.topics import topics

ROOT = Path(__file__).parents[1]
OUT = ROOT / "results" / "lecture"


def main() -> None:
    """Command line: the name of a topic, and nothing else."""
    known, wrong = topics(ROOT)
    if len(sys.argv) == 2 and sys.argv[1] in wrong:
        sys.exit(f"error: {wrong[sys.argv[1]]}")
    if len(sys.argv) != 2 or sys.argv[1] not in known:
        sys.exit(f"usage: python -m lecture TOPIC, one of {', '.join(known)}")
    topic = sys.argv[1]
    module = importlib.import_module(f"lecture.{topic}")
    table, figure = OUT / "tables" / f"{topic}.csv", OUT / "figures" / f"{topic}.png"
    for path in (table, figure):
        path.parent.mkdir(parents=True, exist_ok=True)
    module.table().to_csv(table, index=False, float_format="%.8g")
    drawn = module.draw(pd.read_csv(table))
    drawn.savefig(figure, dpi=200)
    drawn.savefig(figure.with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
