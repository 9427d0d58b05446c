"""Options as data: what an algorithm's ``Config`` declares, read without importing it.

The workflow plans thousands of runs and must know every default; importing the modules would import torch.
So the fields are read from the source: ``name: type = literal  #: what it is (source)``.
"""

import ast
import difflib
import functools
import math
import re
from dataclasses import dataclass
from pathlib import Path

from core.key import ROOT


class UsageError(Exception):
    """Something the user wrote cannot be done; the message says where, what, and what to do instead."""


@dataclass(frozen=True)
class Field:
    """One option."""

    name: str
    type: str  #: "int", "float", "bool" or "choice"
    default: object
    choices: tuple = ()
    doc: str = ""  #: the ``#:`` comment beside it

    def check(self, value: object, where: str) -> object:
        """``value`` as this option's type. Raises UsageError, which names ``where``."""
        if self.type == "choice":
            if value in self.choices:
                return value
            raise UsageError(f"{where}: {nearest(value, self.choices)}")
        if self.type == "bool" and isinstance(value, bool):
            return value
        number = not isinstance(value, bool)
        if self.type == "int" and number and isinstance(value, int):
            if value >= 1:
                return value
            raise UsageError(f"{where}: {value} is too small: this is a count, 1 or more")
        if self.type == "float" and number and isinstance(value, int | float):
            if math.isfinite(value) and value >= 0:
                return float(value)
            raise UsageError(f"{where}: {value} is out of range: give a finite number, 0 or more")
        raise UsageError(f"{where}: must be {ARTICLE[self.type]}, not {value!r} ({type(value).__name__})")


ARTICLE = {"int": "a whole number", "float": "a number", "bool": "true or false"}


def nearest(name: object, valid) -> str:
    """What to say of an unknown name: the nearest valid one, or all of them."""
    valid = sorted(map(str, valid))
    close = difflib.get_close_matches(str(name), valid, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(valid)}"
    return f"{name!r} is unknown; {hint}"


@functools.cache
def algorithms(root: Path = ROOT) -> list[str]:
    """Names of the modules in ``algos/``, sorted."""
    return sorted(p.stem for p in (root / "algos").glob("*.py") if p.stem != "__init__")


@functools.cache
def option_fields(algo: str, root: Path = ROOT) -> dict[str, Field]:
    """Every option a run of ``algo`` has, by name: those of any run first, then its own."""
    own_path, common_path = root / "algos" / f"{algo}.py", root / "core" / "run.py"
    common, own = read_fields(common_path, "Common"), read_fields(own_path, "Config")
    if both := sorted(common.keys() & own.keys()):
        raise UsageError(f"algos/{algo}.py: Config: {both[0]!r} is already an option of every run; choose another name")
    for name in ("batch", "gamma", "lam"):
        if name not in own:
            raise UsageError(f"algos/{algo}.py: Config: needs the option {name!r}, which the rollout reads")
    return common | own


def read_fields(path: Path, class_name: str) -> dict[str, Field]:
    """The fields of a dataclass, from its source text. Raises UsageError where they are not plain."""
    where = f"{path.parent.name}/{path.name}"
    text = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise UsageError(f"{where}: line {error.lineno}: {error.msg}") from None
    bodies = [node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name]
    if not bodies:
        raise UsageError(f"{where}: no dataclass {class_name!r}: see docs/add-an-algorithm.md")
    lines = text.splitlines()
    found = {}
    for node in bodies[0]:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, line = node.target.id, lines[node.end_lineno - 1]
            doc = re.search(r"#:\s*(.*)", line)
            found[name] = _field(node, name, doc[1] if doc else "", f"{where}: {class_name}.{name}")
    return found


def _field(node: ast.AnnAssign, name: str, doc: str, where: str) -> Field:
    try:
        default = ast.literal_eval(node.value)
    except (ValueError, TypeError):
        raise UsageError(f"{where}: the default must be a plain literal, such as 0.01 or True") from None
    annotation = node.annotation
    if isinstance(annotation, ast.Name) and annotation.id in ARTICLE:
        field = Field(name, annotation.id, default, doc=doc)
    elif isinstance(annotation, ast.Subscript) and getattr(annotation.value, "id", "") == "Literal":
        choices = ast.literal_eval(annotation.slice)
        field = Field(name, "choice", default, choices if isinstance(choices, tuple) else (choices,), doc)
    else:
        raise UsageError(f"{where}: the type must be int, float, bool or Literal[…], not {ast.unparse(annotation)}")
    return Field(name, field.type, field.check(default, where), field.choices, doc)
