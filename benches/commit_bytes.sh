#!/bin/bash
# Bytes, writes and flushes that one commit costs on ext4, counted by the kernel on a loop device.
# Needs root, losetup and mkfs.ext4. BENCH names a built benches/commit; COMMITS how many (5000).
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    echo "SKIPPED: $1. Nothing was measured." >&2
    exit 0
}

[ "$(id -u)" = 0 ] || skip "this needs root, for a loop device"
command -v losetup mkfs.ext4 mount umount >/dev/null || skip "losetup, mkfs.ext4 or mount is missing"

bench=${BENCH:-$(cargo bench --bench commit --no-run 2>&1 | sed -n 's/.*Executable.*(\(.*\))$/\1/p')}
[ -x "$bench" ] || { echo "benches/commit could not be built" >&2; exit 1; }

scratch=$(mktemp -d)
device=
cleanup() {
    umount "$scratch/mount" 2>/dev/null || true
    [ -z "$device" ] || losetup --detach "$device" 2>/dev/null || true
    rm -rf "$scratch"
}
trap cleanup EXIT

truncate --size=128M "$scratch/image"
device=$(losetup --find --show "$scratch/image" 2>/dev/null) || { device=; skip "no loop device can be had"; }
mkfs.ext4 -q "$device"
mkdir "$scratch/mount"
mount "$device" "$scratch/mount" 2>/dev/null || skip "the loop device cannot be mounted"

"$bench" bytes "$scratch/mount" "/sys/block/${device##*/}/stat" "${COMMITS:-5000}"
