"""The page on adding to the project, docs/extend.md, as tests follow it."""

import re

from study.plan import ROOT

PAGE = (ROOT / "docs/extend.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """What stands under a heading of the second level."""
    return re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M)[1]


def blocks(heading: str, kind: str) -> list[str]:
    """The blocks of code of one kind in a section, such as "yaml"."""
    return re.findall(rf"```{kind}\n(.*?)```", section(heading), re.S)


def files(heading: str) -> dict[str, str]:
    """The Python files of a section by their paths: each block stands under a line that begins with its path."""
    return dict(re.findall(r"^`([\w/]+\.py)`[^\n]*:\n\n```python\n(.*?)```", section(heading), re.S | re.M))
