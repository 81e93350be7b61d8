#!/usr/bin/env bash
# Which lines the tests run through. Fails when a line of src/gate was not.
#   tests/coverage.sh gate   the core by its own tests: seconds, once the dependencies are built
#   tests/coverage.sh        everything by all tests: a build of its own, then as long as the tests take
# By the compiler's own counters and LLVM's tools, without cargo-llvm-cov: that would be a build of a minute in each
# check, and it counts the lines of tests as well.
set -euo pipefail
# The head of this file is its help.
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit ;; esac
cd "$(dirname "$0")/.."
root=$PWD
home=$PWD/target/coverage
export CARGO_TERM_COLOR=never

# Those of the toolchain, else of a Python package, made once for each version of its requirements.
tools() {
    local host sysroot wanted
    sysroot=$(rustc --print sysroot)
    host=$(rustc -vV | sed -n 's/^host: //p')
    llvm=$sysroot/lib/rustlib/$host/bin
    if [ -x "$llvm/llvm-cov" ] && [ -x "$llvm/llvm-profdata" ]; then return; fi
    wanted=$(cksum <tests/measure/requirements.txt)
    if [ "$(cat "$home/venv/made-of" 2>/dev/null)" != "$wanted" ]; then
        python3 -m venv --clear "$home/venv"
        "$home/venv/bin/pip" install --quiet --disable-pip-version-check -r tests/measure/requirements.txt
        echo "$wanted" >"$home/venv/made-of"
    fi
    llvm=$("$home/venv/bin/python" -c 'import llvm; print(llvm.__path__[0])')/bin
    chmod +x "$llvm/llvm-cov" "$llvm/llvm-profdata"
}

# Where Cargo says it has built something that runs.
programs() {
    python3 -c '
import json, sys
for line in sys.stdin:
    program = json.loads(line).get("executable")
    if program: print(program)'
}

counted() { # folder of the crate, cargo's options …
    local crate=$1 built status=0
    shift
    rm -rf "$home/counts"
    mkdir -p "$home/counts"
    export RUSTC_WORKSPACE_WRAPPER=$root/tests/measure/rustc.sh
    # Nothing that is built counts. Programs that run side by side share a few files.
    built=$(cd "$crate" && LLVM_PROFILE_FILE=/dev/null cargo test --locked --no-run --message-format=json "$@" | programs)
    (cd "$crate" && LLVM_PROFILE_FILE=$home/counts/%4m.profraw cargo test --locked --no-fail-fast "$@") || status=$?
    "$llvm/llvm-profdata" merge --sparse --output "$home/all.profdata" "$home"/counts/*.profraw
    local objects=() program
    for program in $built; do objects+=(--object "$program"); done
    "$llvm/llvm-cov" export --format=lcov --instr-profile "$home/all.profdata" "${objects[@]}" >"$home/lcov.info"
    python3 tests/measure/lines.py "$home/lcov.info" gate
    return "$status"
}

mkdir -p "$home"
tools
case ${1:-whole} in
gate)
    # The dependencies are those of the other tests, so nothing is built twice.
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
    tests/measure/cut.sh gate target/coverage/gate
    counted "$home/gate" --quiet --lib
    ;;
whole)
    export CARGO_TARGET_DIR=$home/build
    counted . --all-targets
    ;;
*)
    echo "coverage: 'gate' or nothing, not '$1'" >&2
    exit 2
    ;;
esac
