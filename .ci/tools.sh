# shellcheck shell=bash disable=SC2034
# Sourced: where tools that no distribution packages live, and in which version.
PARKGATE_TOOLS=${PARKGATE_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/parkgate-tools}
CARGO_DENY_VERSION=0.20.2
# One that is installed already is preferred. mosquitto lies in /usr/sbin, which not every user looks into.
PATH=$PATH:$PARKGATE_TOOLS/bin:/usr/sbin
