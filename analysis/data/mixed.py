"""Which runs of a study were made with other libraries, or on another kind of machine, than the rest."""

from collections import Counter

from study.record import portable, release

#: What decides the bytes of a run besides its key (docs/determinism.md), as ``run.json`` calls it, and in words.
MACHINE = {
    "cpu": "processor, and a digest of its flags",
    "threads": "threads",
    "kernels": "kernels",
    "overrides": "variables that choose other kernels",
    "libc": "C library",
    "compiler": "C++ compiler",
    "lock": "digest of requirements.lock",
}
#: Not compared: the lock says what should be installed, also of packages that no run imports; ``versions`` what was.
UNCOMPARED = ("lock",)


def mixed(records: list[dict]) -> str:
    """One line, such as ``numpy 2.4.6 (3 runs), 2.5.0 (1 run)``; empty where all are alike.

    What a run does not record is not compared. Compiled and uncompiled count where one algorithm has both. Of versions
    the release counts: a local label ("+cpu") or another patch of Python gives the same bytes.
    """
    parts: dict[str, list[str]] = {}
    for record in records:
        facts = {name: record[name] for name in MACHINE if name not in UNCOMPARED and record.get(name) is not None}
        if portable(record):  # whose bytes are those of any processor
            facts = {name: value for name, value in facts.items() if name not in ("cpu", "kernels")}
            facts["overrides"] = "of portable kernels"
        facts |= {name: release(name, str(version)) for name, version in record.get("versions", {}).items()}
        facts |= record.get("packages", {})  # of tasks; a local label of theirs may be a commit
        if "compiled" in record:
            facts[f"updates of {record['algo']}"] = "compiled" if record["compiled"] else "not compiled"
        for name, value in facts.items():
            parts.setdefault(name, []).append(written(value))
    return "; ".join(f"{name} {', '.join(counted(values))}" for name, values in parts.items() if len(set(values)) > 1)


def written(value: object) -> str:
    """A fact of ``run.json`` in words."""
    if value is None:
        return "?"
    return " ".join(f"{k} {v}" for k, v in value.items()) or "none" if isinstance(value, dict) else str(value)


def counted(values: list[str]) -> list[str]:
    """Each value once; where there are several, with how many runs have it, most first."""
    found = Counter(values)
    return [v if len(found) == 1 else f"{v} ({n} run{'s' * (n > 1)})" for v, n in found.most_common()]
