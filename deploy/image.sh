#!/usr/bin/env bash
# Builds the image of Dockerfile.prebuilt, looks at it, starts it, and sends it a signed event; prints its figures.
#   BINARY   a binary of deploy/build.sh that is there already; else it is built, which takes minutes
# Ends with 1 when the image is not as docs/deploy.md says.
set -uo pipefail
case ${1:-} in -*) sed -n '2,/^set/s/^# \?//p' "$0" >&2; exit 2 ;; esac
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=deploy/check/tools.sh
. deploy/check/tools.sh
mkdir -p target "$tools"

if ! installed buildah buildah; then
    skip 'image' "no buildah here, and Debian's cannot be had: the image was neither built nor started"
    exit 0
fi

if [ "$(id -u)" != 0 ]; then
    skip 'image' 'only root may look into an image without a user namespace of its own: run it by buildah unshare'
    exit 0
fi

context=$tools/image
mkdir -p "$context"
if [ -n "${BINARY:-}" ]; then
    cp "$BINARY" "$context/botwarden"
else
    step 'static binary' deploy/build.sh "$context/botwarden"
fi
cp /etc/ssl/certs/ca-certificates.crt "$context/" || failed+=('image: no CA certificates here')
finish || exit 1

# chroot: no container engine, and no control groups to manage. vfs: no overlay file system inside a container.
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
work=$(mktemp -d)
container=
cleanup() {
    [ -n "$container" ] && buildah rm "$container" >/dev/null
    rm -rf "$work"
}
trap cleanup EXIT

build() { # Without --format docker the health check is dropped. The timestamp makes the same layers of the same files.
    buildah bud --quiet --format docker --timestamp 0 --tag botwarden:check -f deploy/Dockerfile.prebuilt "$context"
}
if ! build >"$work/id" 2>"$work/why"; then
    if grep -qiE 'operation not permitted|permission denied|user namespace' "$work/why"; then
        skip 'image' "this machine does not let buildah work: $(tail -1 "$work/why")"
        exit 0
    fi
    cat "$work/why"
    exit 1
fi
container=$(buildah from --pull-never botwarden:check)
root=$(buildah mount "$container")

layers() { buildah inspect --type image --format '{{.OCIv1.RootFS.DiffIDs}}' botwarden:check; }
same_twice() {
    local first
    first=$(layers)
    echo "$first"
    build >/dev/null && [ "$(layers)" = "$first" ]
}
contents() {
    local bytes limit=12000000
    bytes=$(find "$root" -type f -printf '%s\n' | awk '{all += $1} END {print all}')
    printf 'image: %d bytes in %d files (at most %d)\n' "$bytes" "$(find "$root" -type f | wc -l)" $limit
    [ "$bytes" -le $limit ]
}
settings() {
    local said
    said=$(buildah inspect --type image --format '{{.Docker.Config.User}} {{.Docker.Config.Healthcheck.Test}}' botwarden:check)
    echo "$said"
    [ "$said" = '65532:65532 [CMD /usr/local/bin/botwarden healthcheck]' ]
}
static() { ! readelf --program-headers "$root/usr/local/bin/botwarden" | grep -q INTERP; }

step 'image: size' contents
step 'image: user and health check' settings
step 'image: needs no loader' static
step 'image: says which crates it is made of' python3 deploy/check/crates.py "$root/usr/local/bin/botwarden"
step 'image: the same files give the same layers' same_twice
step 'image: starts, is well, takes a signed event' python3 deploy/check/image.py "$container" "$root" "$work"
finish
