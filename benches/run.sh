#!/usr/bin/env bash
# All measurements, as docs/measurements.md explains them. About four minutes after the build; other work
# on the machine shows in the figures. IDLE_SECONDS (20) is how long the idle daemon is watched.
set -euo pipefail
cd "$(dirname "$0")/.."

title() { printf '\n== %s\n' "$*"; }

size() { # size NAME FEATURES…
    cargo build --quiet --release --bin parkgate "${@:2}"
    printf '  %-50s%9.1f MB\n' "$1" "$(stat -c %s target/release/parkgate | awk '{ print $1 / 1e6 }')"
}

title "On"
printf '  %s, %s processors, load %s\n' "$(uname -srm)" "$(nproc)" "$(cut -d' ' -f1-3 /proc/loadavg)"
printf '  %s on %s\n' "$PWD" "$(stat -f -c %T .)"

title "The program, stripped"
size "with demo, sandbox and simulator"
size "run only (--no-default-features)" --no-default-features

title "A commit"
cargo bench --quiet --bench commit

title "What a commit writes, counted on a loop device"
COMMITS=${COMMITS:-2000} benches/commit_bytes.sh

title "The lane"
cargo bench --quiet --bench lane

title "Load at the end: $(cut -d' ' -f1-3 /proc/loadavg)"
