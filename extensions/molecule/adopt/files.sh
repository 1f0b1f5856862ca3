#!/bin/sh
# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Run on a host: writes a user's files for a NIC of each boot tool, starts the tools, and waits for their leases.
set -e
cat >/etc/systemd/network/30-lan.network <<'END'
[Match]
Name=eth1

[Link]
MTUBytes=1450

[Network]
DHCP=ipv4
IPv6PrivacyExtensions=no
Domains=static.example

[DHCPv4]
RouteMetric=111

[RoutingPolicyRule]
From=10.81.0.0/24
Table=81
Priority=1081
END
# networkd removes the rules of other tools when it starts. A host with more than one of these tools tells it to leave them.
mkdir -p /etc/systemd/networkd.conf.d
printf '[Network]\nManageForeignRoutingPolicyRules=no\n' >/etc/systemd/networkd.conf.d/lab.conf
mkdir -p /etc/NetworkManager/system-connections /etc/NetworkManager/conf.d /etc/netplan /etc/network/interfaces.d
printf '[main]\nno-auto-default=*\n[keyfile]\nunmanaged-devices=interface-name:*,except:interface-name:eth2,except:interface-name:br2\n' \
    >/etc/NetworkManager/conf.d/lab.conf
cat >/etc/NetworkManager/system-connections/lan.nmconnection <<'END'
[connection]
id=lan
uuid=7b3f6a1e-3c1b-4f8e-9d1e-0c8a5c0e2f12
type=ethernet
interface-name=eth2

[ethernet]
mtu=1450

[ipv4]
method=auto
route-metric=112

[ipv6]
method=auto
addr-gen-mode=eui64
END
chmod 600 /etc/NetworkManager/system-connections/lan.nmconnection
cat >/etc/netplan/30-lan.yaml <<'END'
network:
  version: 2
  ethernets:
    eth3:
      dhcp4: true
      mtu: 1450
      dhcp4-overrides:
        route-metric: 113
END
chmod 600 /etc/netplan/30-lan.yaml
cat >/etc/network/interfaces.d/lan <<'END'
auto eth4
iface eth4 inet dhcp
    metric 114
    up ip rule add from 10.84.0.0/24 table 84 priority 1084
    down ip rule del priority 1084
END
# The hosts have no DHCP client for ifupdown. Debian's ifupdown knows that of busybox.
ln -sf "$(command -v busybox)" /sbin/udhcpc
mkdir -p /etc/udhcpc
cat >/etc/udhcpc/default.script <<'END'
#!/bin/sh
case $1 in
deconfig) ip link set dev $interface up ;;
bound | renew)
    ip address replace $ip/$mask valid_lft $lease preferred_lft $lease dev $interface
    ip route replace default via $router dev $interface metric ${IF_METRIC:-50}
    ;;
esac
END
chmod 755 /etc/udhcpc/default.script
mkdir -p /usr/share/udhcpc
ln -sf /etc/udhcpc/default.script /usr/share/udhcpc/default.script
# UML closes the descriptor of a NIC that is set down, and it is the only way to the LAN. So ifupdown doesn't do that at shutdown.
mkdir -p /etc/systemd/system/networking.service.d
printf '[Service]\nExecStop=\n' >/etc/systemd/system/networking.service.d/lab.conf
systemctl daemon-reload
systemctl enable --quiet systemd-networkd NetworkManager networking
netplan generate
systemctl restart systemd-networkd NetworkManager networking
find /etc/systemd/network /etc/NetworkManager /etc/netplan /etc/network -type f -exec md5sum {} + | sort >/root/files.before
end=$(($(cut -d. -f1 /proc/uptime) + 60))
for number in 1 2 3 4; do
    until ip -4 -o address show dev eth$number | grep -o "10[.]8${number}[.]0[.][0-9]*" | head -n1 >/root/lease.$number &&
        test -s /root/lease.$number; do
        test "$(cut -d. -f1 /proc/uptime)" -lt "$end" || { echo "no lease on eth$number"; ip address; exit 1; }
        sleep 0.3
    done
done
