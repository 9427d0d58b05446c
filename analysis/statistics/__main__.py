"""``python -m analysis.statistics STUDY [NAME]``; see ``analysis/statistics/making.py``."""

from analysis.data.runs import main
from analysis.statistics.making import make

if __name__ == "__main__":
    main(make, named=True)
