#!/usr/bin/env bash
# Makes the Python environment of tests/legacy. Does nothing when it is there and up to date.
#   PYTHON            which Python to take (python3)
#   CARGO_TARGET_DIR  where cargo builds, when that is not target/
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=${CARGO_TARGET_DIR:-target}/legacy-venv
stamp=$venv/requirements.sha256
wanted=$(cat tests/legacy/requirements.txt deploy/compose/bot/requirements.txt | sha256sum | cut -d ' ' -f 1)

if [[ -x $venv/bin/python && -f $stamp && $(<"$stamp") == "$wanted" ]] && "$venv/bin/python" -c ''; then
  exit 0
fi
echo "tests/legacy: installing the bots into $venv" >&2
"${PYTHON:-python3}" -m venv --clear "$venv"
"$venv/bin/python" -m pip --quiet --disable-pip-version-check install -r tests/legacy/requirements.txt
echo "$wanted" >"$stamp"
