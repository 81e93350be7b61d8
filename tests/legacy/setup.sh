#!/usr/bin/env bash
# Makes the Python environment of tests/legacy. Does nothing when it is there and up to date.
#   PYTHON            which Python to take (python3; the pins were tried with 3.11)
#   CARGO_TARGET_DIR  where cargo builds, when that is not target/
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=${CARGO_TARGET_DIR:-target}/legacy-venv
installed=$venv/installed.txt
wanted=(tests/legacy/requirements.txt deploy/compose/bot/requirements.txt)

if [[ -f $installed ]] && cat "${wanted[@]}" | cmp -s - "$installed" && "$venv/bin/python" -c ''; then
  exit 0
fi
echo "tests/legacy: installing the bots into $venv" >&2
"${PYTHON:-python3}" -m venv --clear "$venv"
"$venv/bin/python" -m pip --quiet --disable-pip-version-check install -r tests/legacy/requirements.txt
# Last: an environment without this file is half made.
cat "${wanted[@]}" >"$installed"
