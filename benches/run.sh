#!/usr/bin/env bash
# All measurements, as docs/measurements.md explains them, and at the end one table beside the goals. Eleven
# minutes after the build; other work on the machine shows in the figures. The figures stay in
# target/figures.txt and, for other programs, in target/figures.json.
# IDLE_SECONDS (60) is how long the idle daemon is watched.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
mkdir -p "$target"
export PARKGATE_FIGURES=$target/figures.txt
: >"$PARKGATE_FIGURES"

title() { printf '\n== %s\n' "$*"; }

size() { # size FIGURE NAME FEATURES…
    local bytes
    cargo build --quiet --release --bin parkgate "${@:3}"
    bytes=$(stat -c %s "$target/release/parkgate")
    printf '  %-50s%9.2f MB\n' "$2" "$(megabytes "$bytes")"
    echo "$1 $(megabytes "$bytes")" >>"$PARKGATE_FIGURES"
}

megabytes() { awk -v bytes="$1" 'BEGIN { print bytes / 1e6 }'; }

title "On"
printf '  %s, %s processors, load %s\n' "$(uname -srm)" "$(nproc)" "$(cut -d' ' -f1-3 /proc/loadavg)"
printf '  %s on %s\n' "$PWD" "$(stat -f -c %T .)"

title "The program, stripped"
size run_only_mb "run only (--no-default-features)" --no-default-features
# The daemon is measured as it runs on a box.
export PARKGATE_PROGRAM=$target/release/parkgate-run-only
cp "$target/release/parkgate" "$PARKGATE_PROGRAM"
size whole_mb "with demo, sandbox and simulator"

# All of them first, so that no build stands between two measurements.
cargo bench --quiet --no-run --bench commit --bench lane --bench goals --bench callbacks --bench crypto

title "Instructions"
if command -v valgrind >/dev/null; then
    benches/instructions.sh check || true # what it costs is told, dearer or not
else
    echo "  valgrind is missing: not measured"
fi

title "A commit"
cargo bench --quiet --bench commit

title "What is written, counted on loop devices"
benches/device_bytes.sh

title "Signatures and seals, beside openssl and others' clients"
cargo bench --quiet --bench crypto

title "Callbacks"
cargo bench --quiet --bench callbacks

title "The daemon"
cargo bench --quiet --bench lane

title "Goals; load at the end: $(cut -d' ' -f1-3 /proc/loadavg)"
cargo bench --quiet --bench goals -- --json "$PARKGATE_FIGURES" >"${PARKGATE_FIGURES%.txt}.json"
cargo bench --quiet --bench goals -- "$PARKGATE_FIGURES"
