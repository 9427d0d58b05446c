"""What of the machine decides the last bits of a run."""

import functools
import hashlib
import platform
from pathlib import Path


@functools.cache
def cpu() -> dict[str, str]:
    """Model and a digest of the instruction-set flags, which decide the last bits."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {"model": platform.processor() or platform.machine(), "flags": ""}
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = " ".join(sorted(fields.get("flags", fields.get("Features", "")).split()))
    digest = hashlib.sha256(flags.encode()).hexdigest()[:12]
    return {"model": fields.get("model name", platform.machine()), "flags": digest}
