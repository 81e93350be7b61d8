#!/usr/bin/env bash
# What Prometheus itself says about the metrics: starts the demo (simulator, sample bot, gateway.yaml), waits for its
# events, scrapes /metrics as Prometheus does and gives it to `promtool check metrics`.
#
#   bash tests/metrics/check.sh            with target/debug/botwarden, built if need be
#   BOTWARDEN=path bash tests/metrics/check.sh
#
# The scrapes stay in target/metrics. 0: clean. 1: not. What cannot run here is skipped aloud, and noted in
# target/skipped.txt.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p target/metrics

skip() {
    echo "SKIPPED promtool check metrics: $1"
    echo "promtool check metrics: $1" >>target/skipped.txt
    exit 0
}

command -v curl >/dev/null || skip 'no curl here'
promtool=$(bash tests/metrics/promtool.sh 2>target/metrics/promtool.log) || skip "$(tail -1 target/metrics/promtool.log)"
if [ -z "${BOTWARDEN:-}" ]; then
    cargo build --locked --quiet --bin botwarden
    BOTWARDEN=target/debug/botwarden
fi

said=target/metrics/demo.txt
"$BOTWARDEN" demo >$said 2>&1 &
demo=$!
trap 'kill $demo 2>/dev/null || true; wait $demo 2>/dev/null || true' EXIT
url=
for _ in $(seq 600); do # a minute: machines that build something else beside it are slow
    url=$(grep -ao 'http://[^ ]*/metrics' $said || true)
    [ -n "$url" ] && break
    kill -0 $demo 2>/dev/null || break
    sleep 0.1
done
if [ -z "$url" ]; then
    echo 'the demo does not say where its metrics are:'
    cat $said
    exit 1
fi

curl -sSf "$url" >target/metrics/scrape.txt
curl -sSf -H 'Accept: application/openmetrics-text;version=1.0.0' "$url" >target/metrics/scrape.openmetrics
"$promtool" check metrics <target/metrics/scrape.txt
tail -1 target/metrics/scrape.openmetrics | grep -qx '# EOF'
grep -q '^botwarden_events_total{.*verdict="allow".*} [1-9]' target/metrics/scrape.txt || {
    echo 'the demo delivered nothing: this would not be a real scrape'
    exit 1
}
echo "promtool finds nothing: $(grep -c '^# TYPE' target/metrics/scrape.txt) metrics, $(grep -vc '^#' target/metrics/scrape.txt) series, $(wc -c <target/metrics/scrape.txt) bytes"
