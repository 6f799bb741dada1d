#!/usr/bin/env bash
# Runs the demo as a visitor would, without the screen, and believes neither its exit code nor its sums
# alone: every fen that was charged must be accounted for.
set -euo pipefail
cd "$(dirname "$0")/.."

cars=20
said=$(mktemp)
trap 'rm -f "$said"' EXIT

cargo build --release --locked
timeout --verbose 5m cargo run --release --locked --quiet -- \
    demo --headless --cars "$cars" --seed 1 >"$said"
cat "$said"

tail -n 1 "$said" | CARS=$cars python3 -c '
import json, os, sys

try:
    sums = json.load(sys.stdin)
    accounted = sums["settled_fen"] + sums["handed_to_staff_fen"] + sums["withdrawn_fen"]
    faults = [f"{key} is {sums[key]}" for key in ("queued", "unknown", "lost", "doubled") if sums[key] != 0]
    if sums["charged_fen"] != accounted:
        faults.append("charged %d fen, accounted for %d" % (sums["charged_fen"], accounted))
    if sums["charged_fen"] <= 0:
        faults.append("nothing was charged")
    if sums["passages"] < int(os.environ["CARS"]):
        faults.append("only %d passages" % sums["passages"])
except (ValueError, KeyError, TypeError) as error:
    faults = ["the last line is not the JSON that was promised: %r" % error]
sys.exit("demo: " + "; ".join(faults) if faults else None)
'
