"""Which runs of a study were made with other libraries, or on another kind of machine, than the rest."""

from collections import Counter

#: What decides the bytes of a run besides its key (docs/determinism.md), as ``run.json`` has it.
MACHINE = ("lock", "libc", "cpu", "kernels", "compiler", "overrides", "threads")


def mixed(records: list[dict]) -> str:
    """One line, such as ``numpy 2.4.6 (3 runs), 2.5.0 (1 run)``; empty where all are alike.

    What a run does not record is not compared. Compiled and uncompiled count where one algorithm has both.
    """
    parts = {}
    for record in records:
        facts = {name: record[name] for name in MACHINE if record.get(name) is not None}
        facts |= record.get("versions", {})
        if "compiled" in record:
            facts[f"updates of {record['algo']}"] = "compiled" if record["compiled"] else "not compiled"
        for name, value in facts.items():
            parts.setdefault(name, Counter())[_text(value)] += 1
    return "; ".join(f"{name} {_counted(found)}" for name, found in parts.items() if len(found) > 1)


def _text(value: object) -> str:
    return " ".join(f"{k} {v}" for k, v in value.items()) or "none" if isinstance(value, dict) else str(value)


def _counted(found: Counter) -> str:
    return ", ".join(f"{value} ({n} run{'s' * (n > 1)})" for value, n in found.most_common())
