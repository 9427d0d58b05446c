"""Draw one topic of the lectures: results/lecture/figures/TOPIC.png and .svg, from its table.

python -m analysis.lecture TOPIC
"""

import importlib
import sys
from pathlib import Path

import pandas as pd

from analysis.data.runs import folder

HELPERS = ("__init__", "__main__", "style")
TOPICS = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in HELPERS)


def main() -> None:
    """Command line: the name of a topic, and nothing else."""
    if len(sys.argv) != 2 or sys.argv[1] not in TOPICS:
        sys.exit(f"usage: python -m analysis.lecture TOPIC, one of {', '.join(TOPICS)}")
    topic = sys.argv[1]
    path = folder("lecture", "tables") / f"{topic}.csv"
    if not path.is_file():
        sys.exit(f"error: {path} is missing; first run: python -m lecture {topic}")
    figure = importlib.import_module(f"analysis.lecture.{topic}").draw(pd.read_csv(path))
    out = folder("lecture", "figures")
    figure.savefig(out / f"{topic}.png", dpi=200)
    figure.savefig(out / f"{topic}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
