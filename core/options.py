"""Options as data: what an algorithm's ``Config`` declares, read without importing it.

The workflow plans thousands of runs and must know every default; importing the modules would import torch.
So the fields are read from the source: ``name: type = literal  #: what it is (source)``.
"""

import ast
import difflib
import functools
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from core.errors import UsageError
from core.key import ROOT

#: Options that are shares of something, in any algorithm.
FRACTIONS = ("gamma", "lam", "shrink", "decay", "average_decay", "elite")


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
        if self.type == "int" and number and isinstance(value, int | float) and value == value // 1:
            if value >= 1:
                return int(value)
            raise UsageError(f"{where}: {value} is too small: this is a count, 1 or more")
        if self.type == "float" and number and isinstance(value, int | float):
            if 0 <= value <= (1 if self.name in FRACTIONS else sys.float_info.max):
                return float(value)
            limits = "from 0 to 1" if self.name in FRACTIONS else "0 or more, and finite"
            raise UsageError(f"{where}: {value} is out of range: give a number {limits}")
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
    needed = () if _defines(own_path, "collect") else ("batch", "gamma", "lam")
    for name in needed:
        if name not in own:
            raise UsageError(f"algos/{algo}.py: Config: needs the option {name!r}, which the rollout reads")
    return common | own


def read_fields(path: Path, class_name: str) -> dict[str, Field]:
    """The fields of a dataclass, from its source text. Raises UsageError where they are not plain."""
    where = f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except SyntaxError as error:
        raise UsageError(f"{where}: line {error.lineno}: {error.msg}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{where}: {error}") from None
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name]
    bodies = [node.body for node in classes if any("dataclass" in ast.unparse(d) for d in node.decorator_list)]
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


def _defines(path: Path, function: str) -> bool:
    """Whether a module that parses has a function of this name."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in body)


def _field(node: ast.AnnAssign, name: str, doc: str, where: str) -> Field:
    try:
        default = ast.literal_eval(node.value)
    except (ValueError, TypeError):
        raise UsageError(f"{where}: the default must be a plain literal, such as 0.01 or True") from None
    annotation = node.annotation
    if isinstance(annotation, ast.Name) and annotation.id in ARTICLE:
        field = Field(name, annotation.id, default, doc=doc)
    elif choices := _choices(annotation):
        field = Field(name, "choice", default, choices, doc)
    else:
        raise UsageError(f"{where}: the type must be int, float, bool or Literal[…], not {ast.unparse(annotation)}")
    return Field(name, field.type, field.check(default, where), field.choices, doc)


def _choices(annotation: ast.expr) -> tuple[str, ...]:
    """The strings of a ``Literal["a", "b"]``; none of anything else."""
    if not isinstance(annotation, ast.Subscript) or getattr(annotation.value, "id", "") != "Literal":
        return ()
    given = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    texts = [node.value for node in given if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return tuple(texts) if len(texts) == len(given) else ()
