#!/usr/bin/env bash
# Holds everything in deploy/ against the tools that will read it. What cannot run here says why, aloud.
#   BOTWARDEN   a binary that is built already; else target/release/botwarden is built
#   NO_IMAGE=1  leave out the image, which takes minutes to build
set -uo pipefail
case ${1:-} in -*) sed -n '2,/^set/s/^# \?//p' "$0" >&2; exit 2 ;; esac
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=deploy/check/tools.sh
. deploy/check/tools.sh
mkdir -p target "$tools"

if ! have python3 || ! python3 -c 'import venv' 2>/dev/null; then
    skip 'deploy/check.sh' 'no python3 with venv here: nothing in deploy/ was checked'
    exit 0
fi
python_tools || { echo 'deploy: the validators cannot be installed'; exit 1; }
bin=$tools/venv/bin
export PATH="$PWD/$bin:$PATH"

if [ -n "${BOTWARDEN:-}" ]; then
    botwarden=$(realpath "$BOTWARDEN")
else
    cargo build --quiet --release --locked --bin botwarden || exit 1
    botwarden=$(realpath "$target/release/botwarden")
fi

mapfile -t yaml < <(find deploy gateway.yaml -name '*.yaml' | sort)
mapfile -t gateways < <(find deploy gateway.yaml -name 'gateway*.yaml' | sort)
mapfile -t scripts < <(find deploy tests .ci -name '*.sh' -o -path .ci/run | sort)
mapfile -t dockerfiles < <(find deploy -name 'Dockerfile*' | sort)
mapfile -t composes < <(find deploy -name 'compose*.yaml' | sort)

step 'shell scripts' shellcheck -x "${scripts[@]}"
step 'YAML' yamllint --strict -c deploy/check/yamllint.yaml "${yaml[@]}"
step 'Markdown' pymarkdown --config deploy/check/markdown.json scan README.md CHANGELOG.md SECURITY.md ARCHITECTURE.md docs deploy
step 'links and headings' python deploy/check/links.py
step 'commands in documents' python deploy/check/commands.py "$botwarden"
step 'Dockerfiles: what they are given' python deploy/check/context.py
step 'Dockerfiles' hadolint "${dockerfiles[@]}"
step 'compose: schema' check-jsonschema --builtin-schema vendor.compose-spec "${composes[@]}"
step 'compose: what it promises' python deploy/check/compose.py "${composes[@]}"
step 'gateway.yaml: schema' check-jsonschema --schemafile gateway.schema.json "${gateways[@]}"
step 'gateway.yaml: botwarden check' python deploy/check/samples.py "$botwarden" "${gateways[@]}"

kubernetes() { # every version that the manifests are for
    local out=$tools/rendered name version
    mkdir -p "$out"
    for name in base example overlays/enforce overlays/observe overlays/pre-1.29; do
        "$kubectl" kustomize "deploy/kubernetes/$name" >"$out/${name//\//-}.yaml" || return 1
    done
    for version in 1.29 1.30 1.31 1.32 1.33; do
        kubernetes-validate --quiet --strict -k $version "$out"/{base,example,overlays-enforce,overlays-observe}.yaml || return 1
    done
    kubernetes-validate --quiet --strict -k 1.28 "$out/overlays-pre-1.29.yaml" || return 1
    python deploy/check/kubernetes.py "$out"/*.yaml
}
unrendered() {
    kubernetes-validate --quiet --strict -k 1.33 deploy/kubernetes/base/{deployment,service,networkpolicy}.yaml \
        deploy/kubernetes/example/bot.yaml deploy/kubernetes/audit/audit-cronjob.yaml
}
if kubectl_tool; then
    step 'Kubernetes 1.28 (old style), 1.29 to 1.33' kubernetes
else
    skip 'kustomize' 'no kubectl here that knows components, and none to be had: overlays, component and example were not rendered'
    step 'Kubernetes 1.33, base only' unrendered
fi
skip 'PodMonitor, PrometheusRule' 'their schemas come with the Prometheus operator, which is in no package registry'

systemd() { # a program that is here stands for the one that is not installed; everything else must be in order
    local here said
    here=$(mktemp -d)
    for unit in deploy/systemd/botwarden.{service,socket}; do
        sed 's#/usr/bin/botwarden#/bin/true#; /^Documentation=/d' "$unit" >"$here/${unit##*/}"
    done
    said=$(systemd-analyze verify "$here"/botwarden.{service,socket} 2>&1)
    rm -rf "$here"
    [ -z "$said" ] || { echo "$said"; return 1; }
    systemd-analyze security --offline=true --threshold=15 deploy/systemd/botwarden.service | tail -1
    return "${PIPESTATUS[0]}"
}
sysusers() {
    local here status
    here=$(mktemp -d)
    mkdir "$here/etc"
    systemd-sysusers --root="$here" "$PWD/deploy/systemd/botwarden.sysusers" && grep -q '^botwarden:' "$here/etc/passwd"
    status=$?
    rm -rf "$here"
    return $status
}
if installed systemd-analyze systemd && systemd-analyze security --help 2>/dev/null | grep -q -- --offline; then
    step 'systemd: units' systemd
else
    skip 'systemd units' 'no systemd-analyze here, or one before 250'
fi
if installed systemd-sysusers systemd; then
    step 'systemd: users' sysusers
else
    skip 'systemd users' 'no systemd-sysusers here'
fi

scrape=$(realpath -m "$tools/scrape.txt")
metric_names() { "$promtool" check metrics <"$scrape"; }
rm -f "$scrape"
bots=$(realpath "$target")/legacy-venv/bin/python
[ -x "$bots" ] || { skip 'sample bot' 'tests/legacy/setup.sh has not run: the demo of compose ran without its bot'; bots=; }
step 'the demo of compose, without containers' python deploy/check/demo.py "$botwarden" "$scrape" "$bots"
step 'alerts, runbook, dashboard' python deploy/check/monitoring.py "$scrape" "$tools/expressions.yaml"
if promtool_tool; then
    step 'alerts: rules' "$promtool" check rules deploy/monitoring/alerts.yaml
    step 'alerts: tests' "$promtool" test rules deploy/monitoring/alerts_test.yaml deploy/monitoring/alerts_days_test.yaml
    step 'dashboard: expressions' "$promtool" check rules "$tools/expressions.yaml"
    step 'metrics: names' metric_names
else
    skip 'promtool' "Debian's package prometheus cannot be had here: rules, their tests and the dashboard's expressions were not run"
fi

if [ -n "${NO_IMAGE:-}" ]; then
    skip 'image' 'NO_IMAGE is set'
elif ! deploy/image.sh; then
    failed+=('image')
fi
finish
