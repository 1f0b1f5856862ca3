# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# What the scripts share; sourced, never run.

set -euo pipefail

# shellcheck disable=SC2034  # read by the scripts that source this
CHECKOUT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
VIRTNET_CACHE=${VIRTNET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/virtnet-kvm}
export VIRTNET_CACHE
mkdir -p "$VIRTNET_CACHE"

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# with_lock NAME COMMAND...: one of us at a time; the others wait.
with_lock() {
    local name=$1
    shift
    mkdir -p "$VIRTNET_CACHE/locks"
    (
        flock 9
        "$@" 9>&-
    ) 9>"$VIRTNET_CACHE/locks/$name"
}
