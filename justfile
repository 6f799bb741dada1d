# The project's jobs by name. Each is one command, so that nobody needs just to run it.

# What there is to run.
_default:
    @just --list --unsorted

# The whole thing on this machine: cars, gates, WeChat Pay, faults.
demo *ARGS:
    cargo run --release -- demo {{ ARGS }}

# All tests, or those whose names contain a word.
test *ARGS:
    cargo test {{ ARGS }}

# Formatting, clippy with and without the demo, and the proof that each ban fires.
lint:
    .ci/run fmt lint bans

# Puts the code into the project's form.
fmt:
    cargo fmt

# Licences, sources and advisories of every dependency.
deny:
    .ci/deny.sh

# Every figure of docs/measurements.md, beside its goal.
bench:
    benches/run.sh

# What an event costs in instructions: check, record or parts.
instructions WHAT="check":
    benches/instructions.sh {{ WHAT }}

# What CI runs, in its order.
ci:
    .ci/run

# The tools that tests and CI need, where they are missing.
install:
    .ci/install.sh
