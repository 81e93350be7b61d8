#!/usr/bin/env bash
# Cuts the library off behind one of its rooms, into a crate of its own: builds in seconds what the whole takes half a
# minute for, with the same sources, dependencies and lints.
#   tests/measure/cut.sh ROOM FOLDER      such as: tests/measure/cut.sh gate target/mutants/gate
set -euo pipefail
cd "$(dirname "$0")/../.."
room=${1:?the last room to take along, as in src/lib.rs}
into=${2:?where the crate is put}

grep -q "^pub mod $room;\$" src/lib.rs || { echo "cut: src/lib.rs has no room '$room'" >&2; exit 2; }
case $into in target/?*) ;; *) echo "cut: '$into' is not below target/, where nothing is lost" >&2; exit 2 ;; esac

# Whole sections go: programs, benchmarks and tests that are not there, and being part of a workspace. Under another
# name, since Cargo tells builds in one target directory apart by the name and not by the folder.
manifest() {
    awk '/^\[/ { keep = !/^\[\[(bin|bench|test|example)\]\]|^\[(workspace|lib)/ } keep && !/^default-run/' Cargo.toml |
        renamed
    printf '\n[workspace]\n\n[lib]\nname = "botwarden"\ndoctest = false\n'
}
renamed() { sed "s/^name = \"botwarden\"\$/name = \"botwarden-$room\"/"; }

mkdir -p "$into"
rm -rf "${into:?}/src"
mkdir "$into/src"
manifest >"$into/Cargo.toml"
renamed <Cargo.lock >"$into/Cargo.lock"
cp gateway.yaml "$into/"
sed "/^pub mod $room;\$/q" src/lib.rs >"$into/src/lib.rs"
sed -n 's/^pub mod \([a-z_]*\);$/\1/p' "$into/src/lib.rs" | while read -r kept; do
    for path in "src/$kept" "src/$kept.rs"; do
        if [ -e "$path" ]; then cp -r "$path" "$into/src/"; fi
    done
done
