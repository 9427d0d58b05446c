"""YAML files as data, checked against their schemas: one line for each mistake."""

import functools
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from core.errors import UsageError
from study.key import ROOT
from study.options import nearest


def read_config(path: Path, root: Path = ROOT, only: Iterable[str] | None = None) -> dict:
    """A YAML file, checked against ``schemas/<name>.schema.json``: all of it, or the entries that are asked for.

    Raises UsageError, one line.
    """
    content = load_yaml(path)
    asked = content if only is None else {name: content[name] for name in only if name in content}
    if asked:
        check(path, asked, root)
    return content


def load_yaml(path: Path) -> dict:
    """A mapping of names from a YAML file. Raises UsageError, one line."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader)
    except RecursionError:
        raise UsageError(f"{path.name}: is nested too deeply") from None
    except (yaml.YAMLError, OSError, ValueError) as error:  # such as a date that is none
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise UsageError(f"{path.name}:{line} {problem}") from None
    if not isinstance(content, dict) or not content:
        raise UsageError(f"{path.name}: the file: must be a mapping of names, with at least one, not {content!r:.40}")
    return content


@functools.cache
def _schema(path: Path) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))


def check(path: Path, content: dict, root: Path = ROOT, schema: str = "") -> None:
    """Raise UsageError where the content of a YAML file is not what its schema says: that of its name, or another."""
    validator = _schema(root / "schemas" / f"{schema or path.stem}.schema.json")
    error = jsonschema.exceptions.best_match(validator.iter_errors(content))
    if error:
        raise UsageError(f"{path.name}: {_explain(error)}")


class Loader(yaml.SafeLoader):
    """Safe YAML in which ``3e-4`` is a number and a key may stand only once."""

    def construct_mapping(self, node, deep=False):
        """As SafeLoader's. Raises ConstructorError for a key that stands twice."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key, (key_node, _) in zip(keys, node.value, strict=True):
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", key_node.start_mark)
        return super().construct_mapping(node, deep)


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d+$"), list("-+.0123456789")
)


def _explain(error: Any) -> str:
    """A ``jsonschema.ValidationError`` in words."""
    where = ".".join(map(str, error.absolute_path)) or "the file"
    if error.validator == "additionalProperties" and error.schema.get("properties"):
        valid = error.schema["properties"]
        unknown = next(key for key in error.instance if key not in valid)
        return f"{where}: {nearest(unknown, valid)}"
    if error.validator == "type" and error.parent is None and "description" not in error.schema:
        wanted = error.validator_value
        wanted = wanted if isinstance(wanted, str) else " or ".join(wanted)
        return f"{where}: must be of type {wanted}, not {error.instance!r}"
    if error.validator == "enum" and "description" not in error.schema:
        return f"{where}: {nearest(error.instance, error.validator_value)}"
    described = error  # of alternatives the schema describes the whole
    while described.parent is not None and "description" not in described.schema:
        described = described.parent
    return f"{where}: {described.schema.get('description', error.message)}"
