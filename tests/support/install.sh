#!/usr/bin/env bash
# Installs the Debian packages that are its arguments: those that tests/support/packages.py finds missing. Starts nothing.
set -euo pipefail

[ $# -gt 0 ] || { echo "nothing is missing"; exit 0; }
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
  echo "error: missing on this system are the Debian packages $*; apt-get installs them, as root" >&2
  exit 1
fi
apt-get update -qq
# Packages start daemons as they are installed, where nothing forbids it; Slurm's are not to meet those of the test.
was_there=$([ -e /usr/sbin/policy-rc.d ] && echo yes || echo no)
[ "$was_there" = yes ] || printf '#!/bin/sh\nexit 101\n' | install -m 755 /dev/stdin /usr/sbin/policy-rc.d
trap '[ "$was_there" = yes ] || rm -f /usr/sbin/policy-rc.d' EXIT
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
