"""``python -m analysis.page STUDY``; see ``analysis/page/build.py``."""

from analysis.page.build import make
from analysis.study import main

if __name__ == "__main__":
    main(make)
