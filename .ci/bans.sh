#!/usr/bin/env bash
# Proves that every ban of clippy.toml fires: clippy runs over tests/bans/, and its complaints must be
# exactly the marked lines there, and the marks exactly the paths of clippy.toml.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
source=tests/bans/src/lib.rs
work=$(mktemp -d)
trap 'rm -rf "$work"; rm -f tests/bans/Cargo.lock' EXIT

# The daemon's versions, so that its artefacts serve here too.
cp Cargo.lock tests/bans/Cargo.lock

if ! (cd tests/bans && CLIPPY_CONF_DIR=$PWD/../.. CARGO_TARGET_DIR=$target \
    cargo clippy --quiet --message-format=short) >"$work/said" 2>&1; then
    cat "$work/said"
    echo "bans: tests/bans does not compile" >&2
    exit 1
fi

grep -o 'path = "[^"]*"' clippy.toml | cut -d'"' -f2 | sort >"$work/configured"
sed -n 's|.*// ban: ||p' "$source" | sort >"$work/marked-paths"
grep -n '// ban: ' "$source" | sed 's|^\([0-9]*\):.*// ban: |\1 |' | sort >"$work/marked"
# shellcheck disable=SC2016 # the backquotes are clippy's
sed -n 's|^src/lib.rs:\([0-9]*\):.*use of a disallowed [a-z]* `\([^`]*\)`.*|\1 \2|p' "$work/said" |
    sort >"$work/reported"

faults=0
complain() { # complain TEXT FILE: one line of FILE each
    while read -r line; do
        echo "bans: $1: $line" >&2
        faults=$((faults + 1))
    done <"$2"
}
comm -23 "$work/configured" "$work/marked-paths" >"$work/unproven"
comm -13 "$work/configured" "$work/marked-paths" >"$work/unknown"
comm -13 "$work/reported" "$work/marked" >"$work/silent"
comm -23 "$work/reported" "$work/marked" >"$work/unmarked"
complain "in clippy.toml, but without a line in $source" "$work/unproven"
complain "marked in $source, but not in clippy.toml" "$work/unknown"
complain "does not fire ($source, line and path)" "$work/silent"
complain "fires without a mark ($source, line and path)" "$work/unmarked"
if ((faults > 0)); then
    exit 1
fi
echo "$(wc -l <"$work/configured") bans, each of them fires"
