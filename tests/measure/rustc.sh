#!/usr/bin/env bash
# What Cargo calls in place of rustc for this crate alone (RUSTC_WORKSPACE_WRAPPER): nobody wants the lines of others.
# Names stay plain: not all of LLVM's tools are built with zlib.
exec "$@" -C instrument-coverage -C llvm-args=-enable-name-compression=false
