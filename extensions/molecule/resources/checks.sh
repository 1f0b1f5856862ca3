#!/bin/sh
# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs before the commands of a scenario, on a host, or in a guest, which has the shell of busybox.

said=/tmp/said.$$

seconds() { cut -d. -f1 /proc/uptime; }

# until_so SECONDS COMMAND: tries a command until it succeeds, at most SECONDS long. The file $said has the output of the last try.
until_so() {
    until_end=$(($(seconds) + $1))
    until (eval "$2") >"$said" 2>&1; do
        [ "$(seconds)" -lt "$until_end" ] || return 1
        sleep 0.3
    done
}

# check SAYS COMMAND: runs one check at $where. A command is tried for $patience seconds. A command that begins with '!' must
# fail, and is tried once: checks before it must have shown that there is a connection at all.
check() {
    case $2 in
    '! '*) within=0 after='' ;;
    *) within=${patience:?} after=" after $patience s" ;;
    esac
    if until_so "$within" "$2"; then
        echo "ok: $1"
    else
        wrong=1
        echo "NOT SO$after: ${where:?}: $1"
        echo "    $2"
        tail -n 20 "$said" | sed 's/^/    /'
    fi
}

# checked: ends the checks. If one has failed, it shows the addresses and fails.
checked() {
    rm -f "$said"
    [ -n "${wrong-}" ] || return 0
    echo "    ip address of $where:"
    { ip -brief address 2>/dev/null || ip address; } | sed 's/^/    /'
    return 1
}
