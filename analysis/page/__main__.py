"""``python -m analysis.page STUDY``; see ``analysis/page/build.py``."""

from analysis.data.runs import main
from analysis.page.build import make

if __name__ == "__main__":
    main(make)
