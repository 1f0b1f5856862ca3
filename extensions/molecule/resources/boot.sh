#!/bin/sh
# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Boots lab hosts side by side, and fails if one of them doesn't boot:  boot.sh LAB 'ARGUMENTS OF UP' ...
set -u
lab=$1
shift
jobs=
for arguments in "$@"; do
    # shellcheck disable=SC2086  # several words
    "$lab" up $arguments &
    jobs="$jobs $!"
done
failed=0
for job in $jobs; do
    wait "$job" || failed=1
done
exit $failed
