#!/usr/bin/env bash
# Builds the binary that is handed out: static, so that it runs in an empty image, small, and with the list of its crates
# inside, which scanners read. Where it is put: $1.
set -euo pipefail
cd "$(dirname "$0")/.."
# Writes that list. Its own lock file is kept, and so is the version: what is added to the binary is not to change by itself.
auditable=${CARGO_TARGET_DIR:-target}/deploy-tools/cargo-auditable-0.7.7
[ -x "$auditable/bin/cargo-auditable" ] || cargo install --quiet --locked --root "$auditable" cargo-auditable --version "${auditable##*-}"
PATH=$(realpath "$auditable")/bin:$PATH
# The toolchain that is here, without clippy and rustfmt that rust-toolchain.toml asks for.
target=$(rustc -vV | sed -n 's/^host: //p')
# Names of directories are left out, so that the same source gives the same bytes elsewhere.
flags="-C target-feature=+crt-static --remap-path-prefix=$PWD=/src --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
# A loader needs 0.3 MB less to put the code where it is; without it, all of them would be in memory.
flags+=" -C link-arg=-Wl,-z,pack-relative-relocs"
# --target keeps the flags away from procedural macros, which cannot be static.
RUSTFLAGS=$flags cargo auditable rustc --locked --profile dist --bin botwarden --target "$target" -- -C "link-arg=-Wl,-T,$PWD/deploy/cold.ld"
mkdir -p "$(dirname "$1")"
cp "${CARGO_TARGET_DIR:-target}/$target/dist/botwarden" "$1"
