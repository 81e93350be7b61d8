#!/usr/bin/env bash
# Builds the binary that is handed out: static, so that it runs in an empty image, small, and with the list of its crates
# inside, which scanners read. Where it is put: $1.
set -euo pipefail
case ${1:-} in -* | '') echo "deploy/build.sh FILE: builds botwarden as it is handed out, and puts it there" >&2; exit 2 ;; esac
out=$(realpath -m "$1")
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
# What is mapped beside code that is needed counts as memory of the process, 64 KiB at once: so what a gateway needs stands
# side by side, which saves 3 MiB of 8. A name that fits nothing any more costs some memory, and nothing else. The linker
# that Rust brings for this kind of machine takes such a list; others may not.
case $target in
x86_64-*-linux-gnu)
    # By a name that changes with it, or Cargo would not link again.
    order=$(realpath -m "${CARGO_TARGET_DIR:-target}")/order-$(cksum <deploy/order.txt | cut -d' ' -f1).txt
    mkdir -p "$(dirname "$order")"
    cp deploy/order.txt "$order"
    link=(-C "link-arg=-Wl,--symbol-ordering-file=$order" -C "link-arg=-Wl,--no-warn-symbol-ordering")
    ;;
*) link=() ;;
esac
# For benches/instructions/order, which writes that list: with the names of all functions.
if [ -n "${BOTWARDEN_NAMES:-}" ]; then link=(-C strip=none); fi
# --target keeps the flags away from procedural macros, which cannot be static.
export RUSTFLAGS=$flags
# As `cargo auditable` calls Cargo, but by its name: its path would become part of the names of all our functions, and they
# would be others than in the list above, in another order, wherever the checkout lies elsewhere.
export RUSTC_WORKSPACE_WRAPPER=cargo-auditable
export CARGO_AUDITABLE_ORIG_ARGS='{"offline":false,"locked":true,"frozen":false,"config":[]}'
cargo rustc --locked --profile dist --bin botwarden --target "$target" -- "${link[@]}"
mkdir -p "$(dirname "$out")"
cp "${CARGO_TARGET_DIR:-target}/$target/dist/botwarden" "$out"
