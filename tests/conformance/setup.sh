#!/usr/bin/env bash
# The validator's own Python environment, made once for each version of its requirements.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=target/conformance
wanted=$(cksum <tests/conformance/requirements.txt)
if [ -x $venv/bin/python ] && [ "$(cat $venv/made-of 2>/dev/null)" = "$wanted" ]; then
    echo "$venv is up to date"
    exit 0
fi
rm -rf $venv
python3 -m venv $venv
$venv/bin/pip install --quiet --disable-pip-version-check -r tests/conformance/requirements.txt
echo "$wanted" >$venv/made-of
echo "$venv is ready"
