"""``tools.runs`` on finished runs, and runs with another record."""

import hashlib
import json
import subprocess
import sys

from study.integrity import sealed


def tool(project, *arguments):
    done = subprocess.run([sys.executable, "-m", "tools.runs", *arguments], cwd=project, capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def amend(folder, **changes):
    """Another run.json, with the digests that belong to it."""
    record = json.loads((folder / "run.json").read_text())
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in record["digests"]}
    (folder / "run.json").write_text(json.dumps(sealed(record | {"digests": digests} | changes)))
