#!/usr/bin/env bash
# Puts promtool into target/tools, from Debian's package: only the file, no service is installed. Prints where it is.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=target/tools
if command -v promtool >/dev/null; then command -v promtool; exit 0; fi
if [ -x $tools/promtool ]; then echo $tools/promtool; exit 0; fi
if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
    echo 'promtool is not here, and there is no apt-get to fetch it with' >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch() { (cd "$work" && apt-get -qq download prometheus >/dev/null 2>&1); }
if ! fetch && ! { apt-get -qq update >/dev/null 2>&1 && fetch; }; then
    echo 'promtool is not here, and the package prometheus cannot be fetched' >&2
    exit 1
fi
dpkg -x "$work"/prometheus_*.deb "$work/root"
mkdir -p $tools
install -m 755 "$work/root/usr/bin/promtool" $tools/promtool
echo $tools/promtool
