#!/usr/bin/env bash
# What a Slurm of one node needs, from Debian, where it is missing. Starts nothing: tests/slurm/cluster.py does.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

missing=()
command -v munged >/dev/null || missing+=(munge)
command -v slurmctld >/dev/null || missing+=(slurmctld)
command -v slurmd >/dev/null || missing+=(slurmd)
command -v sbatch >/dev/null || missing+=(slurm-client)
[ ${#missing[@]} -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
  echo "error: no Slurm here, and it is installed by apt-get, as root: needed are ${missing[*]}" >&2
  exit 1
fi
apt-get update -qq
# Packages start daemons as they are installed, where nothing forbids it; these are not to meet those of the test.
was_there=$([ -e /usr/sbin/policy-rc.d ] && echo yes || echo no)
[ "$was_there" = yes ] || printf '#!/bin/sh\nexit 101\n' | install -m 755 /dev/stdin /usr/sbin/policy-rc.d
trap '[ "$was_there" = yes ] || rm -f /usr/sbin/policy-rc.d' EXIT
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
