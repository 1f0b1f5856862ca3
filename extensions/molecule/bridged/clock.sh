#!/bin/sh
# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Measures the longest silence of an open connection.
#   clock.sh run LOG SSH...    starts ticks from the host over one connection, and logs when each tick arrives
#   clock.sh ask LOG           fails if the connection was silent for more than 5 s at a time, or is silent now
set -eu
what=$1 log=$2
shift 2
case $what in
run)
    "$@" 'touch /run/clock; while test -e /run/clock; do echo tick; sleep .3; done' |
        while read -r _; do date +%s.%N; done >"$log"
    ;;
ask)
    date +%s.%N | awk '
        { longest = (last && $1 - last > longest) ? $1 - last : longest; last = $1; count++ }
        END { printf "%d ticks by one connection, the longest silence %.1f s\n", count - 1, longest
              exit !(count > 9 && longest < 5) }' "$log" -
    ;;
esac
