#!/usr/bin/env bash
# Mutation testing: each change of the sources that cargo-mutants knows must make a test fail.
#   tests/mutants.sh [gate] [membership]   against the tests of the module itself (default: both)
#   tests/mutants.sh whole                 what those let live, against tests/it: a minute and more for each
#   JOBS=2       as many at a time, each with a target directory of its own (2 GB)
#   PATIENCE=120 seconds for the tests of one mutant: what takes longer counts as caught, so give more on a busy machine
#   MUTANTS=…    only those whose name this regular expression finds
# What lives, and why, stands in docs/testing.md. Results: target/mutants/*/mutants.out.
set -euo pipefail
# The head of this file is its help.
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit ;; esac
cd "$(dirname "$0")/.."
home=$PWD/target/mutants
export CARGO_TERM_COLOR=never RUST_BACKTRACE=0

if ! command -v cargo-mutants >/dev/null; then
    cargo install --quiet --locked cargo-mutants --version 27.1.0
fi

# Changes the sources where they are: of a copy. 2: some live; 3: some ran out of time, which is as good as caught.
mutate() { # copy, options …
    local copy=$1 status=0
    shift
    CARGO_TARGET_DIR=$copy/target nice -n 19 cargo mutants --dir "$copy" --in-place --output "$copy" \
        --no-shuffle --colors never --cargo-arg=--locked ${MUTANTS:+--re "$MUTANTS"} "$@" || status=$?
    case $status in 0 | 2 | 3) ;; *) return "$status" ;; esac
}

# In a crate that ends with the module, a mutant takes seconds.
module() { # module
    local jobs=${JOBS:-1} running=() job baseline
    rm -rf "$home/$1"-[0-9]*/mutants.out
    for ((job = 0; job < jobs; job++)); do
        tests/measure/cut.sh "$1" "target/mutants/$1-$job"
        # That nothing fails without a mutant is seen once.
        if [ "$job" -eq 0 ]; then baseline=run; else baseline=skip; fi
        mutate "$home/$1-$job" --file "src/$1/**" --shard "$job/$jobs" --baseline "$baseline" \
            --timeout "${PATIENCE:-120}" --cargo-arg=--lib -- "$1::" >"$home/$1-$job.log" 2>&1 &
        running+=($!)
    done
    for job in "${running[@]}"; do
        wait "$job" || { echo "$1: no result, see $home/$1-*.log" >&2; return 1; }
    done
    tally "$1" "$home/$1"-[0-9]*
}

# What lived in the modules, in a copy of everything.
whole() {
    local copy=$home/whole each=() line
    while read -r line; do
        each+=(--re "$line")
    done < <(sed 's/[][\.^$*+?(){}|]/\\&/g; s/.*/^&$/' "$home"/{gate,membership}-[0-9]*/mutants.out/missed.txt)
    if [ ${#each[@]} -eq 0 ]; then
        echo 'whole: nothing lives'
        return
    fi
    mkdir -p "$copy"
    find "$copy" -mindepth 1 -maxdepth 1 ! -name target -exec rm -r {} +
    git ls-files -z | xargs -0 cp --parents -t "$copy"
    mutate "$copy" "${each[@]}" --timeout 600 --cargo-arg=--test=it
    tally whole "$copy"
}

tally() { # what, folders …
    local what=$1 kind
    shift
    for kind in caught timeout unviable missed; do
        printf '%s: %s %s\n' "$what" "$(cat "${@/%//mutants.out/$kind.txt}" | wc -l)" "$kind"
    done
    cat "${@/%//mutants.out/missed.txt}"
}

mkdir -p "$home"
if [ $# -eq 0 ]; then set -- gate membership; fi
for what in "$@"; do
    case $what in
    gate | membership) module "$what" ;;
    whole) whole ;;
    *) echo "mutants: gate, membership or whole, not '$what'" >&2; exit 2 ;;
    esac
done
