#!/bin/bash
# What the ledger, and the whole daemon, have written to the disk: counted by the kernel on loop devices
# with ext4. Needs root, losetup and mkfs.ext4; the daemon's part also needs Mosquitto. COMMITS (2000) and
# PASSAGES (300) say how many.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    echo "SKIPPED: $1. Nothing was measured." >&2
    exit 0
}

[ "$(id -u)" = 0 ] || skip "this needs root, for loop devices"
for tool in losetup mkfs.ext4 mount umount; do
    command -v "$tool" >/dev/null || skip "$tool is missing"
done

built() { # built BENCH: where its program is
    cargo bench --bench "$1" --no-run 2>&1 | sed -n 's/.*Executable.*(\(.*\))$/\1/p'
}
commit=$(built commit)
lane=$(built lane)
[ -x "$commit" ] && [ -x "$lane" ] || { echo "the benchmarks could not be built" >&2; exit 1; }

scratch=$(mktemp -d)
devices=()
cleanup() {
    umount "$scratch/mount/passages/index" "$scratch/mount" 2>/dev/null || true
    for device in "${devices[@]}"; do
        losetup --detach "$device" 2>/dev/null || true
    done
    rm -rf "$scratch"
}
trap cleanup EXIT

mounted() { # mounted FOLDER: a new disk there; its counters are in $stat
    local device
    truncate --size=256M "$scratch/image-${#devices[@]}"
    device=$(losetup --find --show "$scratch/image-${#devices[@]}" 2>/dev/null) || skip "no loop device can be had"
    devices+=("$device")
    # With lazy initialisation the filesystem itself would go on writing for minutes.
    mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$device"
    mkdir -p "$1"
    mount "$device" "$1" 2>/dev/null || skip "the loop device cannot be mounted"
    rm -rf "$1/lost+found"
    stat=/sys/block/${device##*/}/stat
}

mounted "$scratch/mount"
ledger_stat=$stat
"$commit" bytes "$scratch/mount" "$ledger_stat" "${COMMITS:-2000}"
rm -rf "$scratch"/mount/*

# sled has a device of its own, so that what it writes is told apart.
mounted "$scratch/mount/passages/index"
"$lane" passages "$scratch/mount/passages" "$ledger_stat" "$stat" "${PASSAGES:-300}"
