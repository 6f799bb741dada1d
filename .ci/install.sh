#!/usr/bin/env bash
# Installs what building and testing parkgate needs, where it is missing, and nothing else. Debian and
# its relatives; elsewhere it says what is wanted. May be run again at any time.
set -euo pipefail
cd "$(dirname "$0")"
. ./tools.sh

# What must be there, and the Debian package that brings it.
wanted=(
    "cc:gcc libc6-dev"                  # ring is C and assembly
    "git:git"
    "python3:python3"                   # .ci/links.py
    "node:nodejs"                       # other people's clients of WeChat Pay, and Python's below
    "npm:npm"
    "mosquitto:mosquitto"               # the tests start one of their own, on a port of the kernel's choice
    "mosquitto_pub:mosquitto-clients"
    "mkfs.ext4:e2fsprogs"               # the disks whose power is cut
    "mount:mount"
    "systemd-analyze:systemd"           # reads systemd/parkgate.service; no systemd need run
    "valgrind:valgrind"                 # counts instructions
    "chromium:chromium fonts-noto-cjk"  # uses the sandbox's page
)

packages=()
for entry in "${wanted[@]}"; do
    if ! command -v "${entry%%:*}" >/dev/null && ! [[ -x /usr/sbin/${entry%%:*} ]]; then
        read -ra names <<<"${entry#*:}"
        packages+=("${names[@]}")
    fi
done

# Debian's Python makes environments of its own only with this.
if ! python3 -c 'import ensurepip' 2>/dev/null; then
    packages+=(python3-venv)
fi

if ((${#packages[@]} > 0)); then
    if ! command -v apt-get >/dev/null; then
        echo "install: this is no Debian; please install what these packages hold: ${packages[*]}" >&2
        exit 1
    fi
    as_root=()
    if ((EUID != 0)); then
        as_root=(sudo)
    fi
    # A broker that nobody asked for shall not run on this machine: Debian's would start at once.
    policy=/usr/sbin/policy-rc.d
    if ! [[ -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod +x "$policy"
        trap '"${as_root[@]}" rm -f "$policy"' EXIT
    fi
    echo "install: ${packages[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${packages[@]}" </dev/null >/dev/null
fi

if ! command -v cargo-deny >/dev/null; then
    echo "install: cargo-deny $CARGO_DENY_VERSION into $PARKGATE_TOOLS (takes a few minutes, once)"
    # Not into the project's target folder: it is another program, with versions of its own.
    (cd / && nice env -u CARGO_TARGET_DIR cargo install --quiet --locked --root "$PARKGATE_TOOLS" \
        "cargo-deny@$CARGO_DENY_VERSION" </dev/null)
fi

../tests/clients/install.sh
