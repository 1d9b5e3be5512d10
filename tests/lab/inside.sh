#!/bin/bash
# Runs in the machine that lab.sh boots: what it is, then the tests, then off.
cd /lab
echo "lab: $(. /etc/os-release; echo "$PRETTY_NAME"), Linux $(uname -r), cgroup v2 with $(cat /sys/fs/cgroup/cgroup.controllers)"
export VITRINE_BIN=build/bin PYTHONDONTWRITEBYTECODE=1 HOME=/root TMPDIR=/lab/tmp
mkdir -p /lab/tmp
mapfile -t arguments < arguments
python3 -m pytest -q --color=no --tb=short --timeout=600 -p no:cacheprovider -rs "${arguments[@]}"
echo "lab: end $?"
sync
systemctl poweroff --force --force
