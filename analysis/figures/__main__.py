"""``python -m analysis.figures STUDY [NAME]``; see ``analysis/figures/drawing.py``."""

from analysis.data.runs import main
from analysis.figures.drawing import make

if __name__ == "__main__":
    main(make, named=True)
