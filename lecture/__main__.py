"""Compute the table of one topic of the lectures: results/lecture/tables/TOPIC.csv.

python -m lecture TOPIC
"""

import importlib
import sys
from pathlib import Path

from study.plan import ROOT

HELPERS = ("__init__", "__main__", "trained")
TOPICS = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in HELPERS)


def main() -> None:
    """Command line: the name of a topic, and nothing else."""
    if len(sys.argv) != 2 or sys.argv[1] not in TOPICS:
        sys.exit(f"usage: python -m lecture TOPIC, one of {', '.join(TOPICS)}")
    topic = sys.argv[1]
    folder = ROOT / "results" / "lecture" / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    table = importlib.import_module(f"lecture.{topic}").table()
    table.to_csv(folder / f"{topic}.csv", index=False, float_format="%.8g")


if __name__ == "__main__":
    main()
