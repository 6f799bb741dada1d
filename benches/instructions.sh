#!/usr/bin/env bash
# What the events that cars wait for cost in instructions, counted by Callgrind; docs/measurements.md
# explains the figures. `check` fails where an event costs over 5 % more than benches/instructions/recorded
# says, `record` writes that file anew, `parts` shows what each part of an event costs.
set -euo pipefail
cd "$(dirname "$0")/.."

recorded=benches/instructions/recorded
# What is counted is the difference between so many and so many rounds.
few=30 many=90
# The form of the readings, the function of benches/instructions/measured.rs, how often each round
# calls it, and its name for people.
events=(
    "plain reading_at_entry 2 entry"
    "picture reading_at_entry 2 entry, 300 KB picture"
    "plain reading_at_free_exit 1 free exit"
    "plain reading_at_charged_exit 1 charged exit, up to the call"
    "plain answer_to_charge 1 charged exit, from the answer"
)
allowed_percent=5

usage() {
    echo "usage: benches/instructions.sh check|record|parts" >&2
    exit 2
}
[[ $# == 1 && $1 =~ ^(check|record|parts)$ ]] || usage
command -v valgrind >/dev/null || { echo "valgrind is missing; .ci/install.sh installs it" >&2; exit 1; }

cargo build --locked --profile instructions --no-default-features --example instructions >&2
bench=${CARGO_TARGET_DIR:-$PWD/target}/instructions/examples/instructions
scratch=$(mktemp -d "${TMPDIR:-/tmp}/instructions.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# Nothing of this machine's environment goes along: it would move the stack. Program and store have names
# that are as long everywhere.
ln -s "$bench" "$scratch/bench"
callgrind() { # callgrind FORM ROUNDS OPTIONS…
    (
        cd "$scratch"
        rm -rf store
        env -i LC_ALL=C valgrind --quiet --tool=callgrind --callgrind-out-file="$1.$2" "${@:3}" \
            ./bench "$1" "$2" store >&2
    )
}

# What was spent within a function, with all that it calls. The linker adds to names, so a part is enough.
spent() { # spent FILE FUNCTION
    awk -v wanted="$2" '
        function note(text) { # "(12) name", or "(12)" for a name that was given before
            match(text, /^\([0-9]+\)/)
            if (length(text) > RLENGTH) names[substr(text, 1, RLENGTH)] = substr(text, RLENGTH + 2)
            return substr(text, 1, RLENGTH)
        }
        /^fn=/ { here = note(substr($0, 4)) }
        /^cfn=/ { note(substr($0, 5)) }
        /^[-+*0-9]/ { spent[here] += $2 }
        END {
            for (id in spent) if (index(names[id], wanted)) sum += spent[id]
            printf "%.0f\n", sum
        }
    ' "$scratch/$1"
}

# By each of so many events a round.
each() { # each FORM FUNCTION TIMES
    echo $((($(spent "$1.$many" "$2") - $(spent "$1.$few" "$2")) / (many - few) / $3))
}

count_all() {
    local form rounds
    for form in plain picture; do
        for rounds in $few $many; do
            callgrind "$form" "$rounds" --toggle-collect='*measured::reading_at_*' \
                --toggle-collect='*measured::answer_to_charge*'
        done
    done
}

# One line an event: instructions, tab, name.
counted() {
    local event form function times name
    for event in "${events[@]}"; do
        read -r form function times name <<<"$event"
        printf '%d\t%s\n' "$(each "$form" "measured::$function" "$times")" "$name"
    done
}

check() {
    count_all
    counted >"$scratch/now"
    [[ -z ${PARKGATE_FIGURES:-} ]] || figures <"$scratch/now" >>"$PARKGATE_FIGURES"
    awk -F '\t' -v allowed="$allowed_percent" -v file="$recorded" '
        BEGIN {
            while ((getline line < file) > 0) {
                if (line ~ /^#/) { made = line; continue }
                split(line, field, "\t")
                before[field[2]] = field[1]
            }
            printf "%-34s %12s %12s %8s\n", "instructions for each", "recorded", "now", "change"
        }
        {
            known = ($2 in before)
            change = known ? ($1 / before[$2] - 1) * 100 : 0
            printf "%-34s %12s %12d %+7.1f%%\n", $2, known ? before[$2] : "none", $1, change
            dearer += !known || change > allowed
            cheaper += change < -allowed
        }
        END {
            hint = "benches/instructions.sh record writes them anew; commit that file with the reason"
            if (dearer) { print "FAILED: " dearer " cost over " allowed " % more than recorded " made; print hint; exit 1 }
            if (cheaper) print cheaper " cost less than recorded; " hint
        }' "$scratch/now"
}

# For the table of goals, in thousands.
figures() {
    awk -F '\t' '
        $2 == "entry" { print "decide_instructions", $1 / 1000 }
        $2 == "entry, 300 KB picture" { print "decide_picture_instructions", $1 / 1000 }
    '
}

record() {
    count_all
    {
        echo "# by $(rustc --version | cut -d' ' -f1-2), $(uname -m), $(valgrind --version)"
        counted
    } >"$scratch/recorded"
    cp "$scratch/recorded" "$recorded"
    cat "$recorded"
}

# What an entry's parts cost, and what is done for the index behind it, which no car waits for: the rows
# on the lanes' thread, the rest on sled's threads, whose counts differ a little from run to run.
parts() {
    local rounds part
    for rounds in $few $many; do
        callgrind plain "$rounds" --toggle-collect='*measured::reading_at_entry*'
    done
    printf '%-34s %12s\n' "an entry" "instructions"
    while read -r part; do
        printf '%-34s %12d\n' "${part#*|}" "$(each plain "${part%|*}" 2)"
    done <<'END'
measured::reading_at_entry|all
vz_mqtt::decode::decode|decode
Ears::event|event
Park::decide|decide
Record>::to_stored|records to JSON
layout::encode_frame|hash, chain, pack
dynstate::sha256_block|  of it SHA-256
Disk::write|write
Disk::sync|flush
vz_mqtt::encode::encode|encode
END
    for rounds in $few $many; do
        callgrind plain "$rounds"
        callgrind rows "$rounds"
        callgrind index "$rounds"
    done
    printf '\n%-34s %12s\n' "behind two stays, one charged" "instructions"
    printf '%-34s %12d\n' "rows" $(($(whole rows) - $(whole plain)))
    printf '%-34s %12d\n' "index and sled" $(($(whole index) - $(whole rows)))
}

# All that was spent, by one round more.
whole() { # whole FORM
    local few_spent many_spent
    few_spent=$(awk '/^totals:/ { print $2 }' "$scratch/$1.$few")
    many_spent=$(awk '/^totals:/ { print $2 }' "$scratch/$1.$many")
    echo $(((many_spent - few_spent) / (many - few)))
}

case $1 in
check) check ;;
record) record ;;
parts) parts ;;
esac
