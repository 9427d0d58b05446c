"""A claim of the lectures: results/lecture/tables/TOPIC.csv, then figures/TOPIC.png and .svg of that file.

python -m lecture TOPIC
"""

import importlib
import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
OUT = HERE.parent / "results" / "lecture"


def topics() -> list[str]:
    """The modules of this folder that have ``draw(table)``; those without it help the others."""
    return sorted(path.stem for path in HERE.glob("*.py") if "\ndef draw(" in path.read_text(encoding="utf-8"))


def main() -> None:
    """Command line: the name of a topic, and nothing else."""
    if len(sys.argv) != 2 or sys.argv[1] not in topics():
        sys.exit(f"usage: python -m lecture TOPIC, one of {', '.join(topics())}")
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
