#!/bin/sh
# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Run on a lab host, after resources/checks.sh. Makes each boot tool read its files again. Fails unless each tool reports that
# its interfaces agree with its files.
set -eu
networkctl reload
nmcli connection reload
netplan generate
networkctl reload
# A tool that has just started or read its files needs a moment.
if ! until_so 60 '! networkctl --no-legend list br1 eth1 v1 tap1 br3 eth3 v3 | grep -vw configured' ||
    ! until_so 60 "test \"\$(nmcli -g DEVICE,STATE,CONNECTION device | grep -cE '^(br2|eth2|v2|tap2):connected:virtnet-kvm-')\" = 4"; then
    networkctl --no-legend list
    nmcli device
    exit 1
fi
netplan get bridges.br3.addresses | grep -q 10.93.0.
netplan get vlans.v3.link | grep -q br3
for name in br4 v4 tap4; do
    ifquery --state "$name" | grep -q "$name"
done
