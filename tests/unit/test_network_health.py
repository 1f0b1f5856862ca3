# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What is observed of an active network: firewall rules as tools print them, processes, and files that can't be written."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.libvirt import dnsmasq, firewall
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.netlink.addresses import (
    addresses_by_interface,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import from_options
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import (
    Network,
    has_dhcp,
    has_dnsmasq,
    normalise,
)

IPTABLES = """\
*mangle
:POSTROUTING ACCEPT [18:4824]
:LIBVIRT_PRT - [0:0]
-A POSTROUTING -j LIBVIRT_PRT
COMMIT
*filter
:INPUT ACCEPT [17:884]
:LIBVIRT_FWI - [0:0]
-A INPUT -j LIBVIRT_INP
-A FORWARD -j LIBVIRT_FWX
-A FORWARD -j LIBVIRT_FWI
-A FORWARD -j LIBVIRT_FWO
-A OUTPUT -j LIBVIRT_OUT
-A LIBVIRT_FWI -d 192.168.150.0/24 -o virbr-lan -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A LIBVIRT_FWI -o virbr-lan -j REJECT --reject-with icmp-port-unreachable
-A LIBVIRT_FWO -i virbr-lan -j REJECT --reject-with icmp-port-unreachable
-A LIBVIRT_FWX -i virbr-lan -o virbr-lan -j ACCEPT
-A LIBVIRT_INP -i virbr-lan -p udp -m udp --dport 53 -j ACCEPT
-A LIBVIRT_OUT -o virbr-lan -p udp -m udp --dport 53 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -j LIBVIRT_PRT
-A LIBVIRT_PRT -s 192.168.150.0/24 ! -d 192.168.150.0/24 -j MASQUERADE
COMMIT
"""
NFT = """\
table ip libvirt_network {
    comment "Managed by libvirt for virtual networks: https://libvirt.org/firewall.html#the-virtual-network-driver"
    chain forward {
        type filter hook forward priority filter; policy accept;
        counter packets 0 bytes 0 jump guest_cross
        counter packets 0 bytes 0 jump guest_input
        counter packets 0 bytes 0 jump guest_output
    }

    chain guest_output {
        ip saddr 192.168.150.0/24 iif "virbr-lan" counter packets 0 bytes 0 accept
        iif "virbr-lan" counter packets 0 bytes 0 reject
    }

    chain guest_input {
        oif "virbr-lan" counter packets 3 bytes 252 reject
    }

    chain guest_cross {
        iif "virbr-lan" oif "virbr-lan" counter packets 0 bytes 0 accept
    }

    chain guest_nat {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 192.168.150.0/24 ip daddr != 192.168.150.0/24 counter packets 0 bytes 0 masquerade
    }
}
""".replace("    ", "\t")
PRINTED = {"iptables-save": IPTABLES, "nft": NFT}


def _lan(**options: Any) -> Network:
    given = {"name": "lan", "forward": {"mode": "nat"}, "bridge": {"name": "virbr-lan"}, **options}
    return normalise(from_options(Network, {"ips": [{"address": "192.168.150.1/24"}], **given}))


class Tools:
    """The commands of a host, and what each prints; one that isn't among them isn't installed."""

    def __init__(self, **printed: Optional[str]) -> None:
        self.printed: dict[str, Optional[str]] = {name.replace("_", "-"): text for name, text in printed.items()}
        self.calls: list[str] = []
        # the rules that libvirt has created, each time that they are looked at after the signal
        self.created: list[str] = []

    def which(self, name: str, path: str) -> Optional[str]:
        assert "/usr/sbin" in path.split(os.pathsep)  # where they are, and where Ansible's PATH may not lead
        return f"/usr/sbin/{name}" if name in self.printed else None

    def run(self, _doing: str, tool: str, *_arguments: str) -> str:
        name = os.path.basename(tool)
        self.calls.append(name)
        if name == "iptables-save" and "busctl" in self.calls and self.created:
            self.printed[name] = self.created.pop(0)
        text = self.printed[name]
        if text is None:
            raise HostError("list", "Error: No such file or directory\nlist table ip libvirt_network")
        return text


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Tools]:
    tools = Tools()
    monkeypatch.setattr(firewall, "shutil", tools)
    monkeypatch.setattr(firewall, "commands", tools)
    monkeypatch.setattr(firewall, "RUN", str(tmp_path))
    monkeypatch.setattr(firewall, "_CONFIGURATION", str(tmp_path / "network.conf"))
    monkeypatch.setattr(firewall, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(firewall, "_SECONDS", 0.2)
    yield tools


def _status(tmp_path: Path, backend: str) -> None:
    (tmp_path / "lan.xml").write_text(f"<networkstatus>\n  <firewall name='fwRemoval' backend='{backend}'>\n")


@pytest.mark.parametrize(("backend", "tool"), [("iptables", "iptables-save"), ("nftables", "nft")])
def test_rules_of_a_network(host: Tools, tmp_path: Path, backend: str, tool: str) -> None:
    """Each line that is needed is missed."""
    _status(tmp_path, backend)
    host.printed[tool] = PRINTED[tool]
    assert not firewall.Firewall().lacks(_lan())
    assert host.calls == [tool]
    for missing in ("LIBVIRT_INP", "LIBVIRT_FWX", "LIBVIRT_PRT", "jump guest_input", "masquerade", "MASQUERADE"):
        lines = PRINTED[tool].splitlines(keepends=True)
        host.printed[tool] = "".join(line for line in lines if missing not in line)
        assert firewall.Firewall().lacks(_lan()) == (missing in PRINTED[tool]), missing


def test_a_single_rule_that_is_missing_is_not_missed(host: Tools, tmp_path: Path) -> None:
    _status(tmp_path, "iptables")
    host.printed["iptables-save"] = IPTABLES.replace(
        "-A LIBVIRT_FWI -o virbr-lan -j REJECT --reject-with icmp-port-unreachable\n", ""
    )
    assert not firewall.Firewall().lacks(_lan())


def test_without_the_bridge_only_the_chains_are_needed(host: Tools, tmp_path: Path) -> None:
    _status(tmp_path, "nftables")
    host.printed["nft"] = NFT.replace('"virbr-lan"', "29")
    assert firewall.Firewall().lacks(_lan())
    assert not firewall.Firewall().lacks(_lan(), bridge=False)
    host.printed["nft"] = None
    assert firewall.Firewall().lacks(_lan(), bridge=False)


def test_modes_without_masquerading(host: Tools, tmp_path: Path) -> None:
    _status(tmp_path, "iptables")
    host.printed["iptables-save"] = IPTABLES.partition("*nat")[0]
    assert firewall.Firewall().lacks(_lan())
    for mode in ("none", "route", "open"):
        assert not firewall.Firewall().lacks(_lan(forward={"mode": mode}))
    host.printed["iptables-save"] = ""
    assert firewall.Firewall().lacks(_lan(forward={"mode": "none"}))
    assert not firewall.Firewall().lacks(_lan(forward={"mode": "open"}))


def test_ipv6_has_rules_of_its_own(host: Tools, tmp_path: Path) -> None:
    _status(tmp_path, "iptables")
    host.printed.update({"iptables-save": IPTABLES, "ip6tables-save": IPTABLES.partition("*nat")[0]})
    both = [{"address": "192.168.150.1/24"}, {"address": "fd00::1/64"}]
    assert not firewall.Firewall().lacks(_lan(ips=both))
    assert firewall.Firewall().lacks(_lan(ips=both, forward={"mode": "nat", "nat": {"ipv6": True}}))
    host.printed["ip6tables-save"] = ""
    assert firewall.Firewall().lacks(_lan(ips=both)) and firewall.Firewall().lacks(_lan(ipv6=True))
    # what can't be listed isn't missed
    del host.printed["ip6tables-save"]
    assert not firewall.Firewall().lacks(_lan(ips=both))


def test_where_the_backend_is_not_known_either_will_do(host: Tools, tmp_path: Path) -> None:
    """Before 10.4 libvirt had only one, and noted none."""
    assert not firewall.Firewall().lacks(_lan())  # no tools
    host.printed.update({"iptables-save": "", "nft": None})
    assert firewall.Firewall().lacks(_lan())
    host.printed["iptables-save"] = IPTABLES
    assert not firewall.Firewall().lacks(_lan())
    (tmp_path / "network.conf").write_text('#firewall_backend = "iptables"\nfirewall_backend = "nftables"\n')
    assert firewall.Firewall().lacks(_lan())
    (tmp_path / "network.conf").write_text('firewall_backend = "none"\n')
    assert not firewall.Firewall().lacks(_lan())


def test_the_rules_are_read_once(host: Tools, tmp_path: Path) -> None:
    _status(tmp_path, "iptables")
    host.printed["iptables-save"] = IPTABLES
    rules = firewall.Firewall()
    for _network in range(3):
        rules.lacks(_lan())
    assert host.calls == ["iptables-save"]
    rules.forget()
    rules.lacks(_lan())
    assert len(host.calls) == 2


def test_libvirt_is_made_to_create_its_rules(host: Tools, tmp_path: Path) -> None:
    _status(tmp_path, "iptables")
    host.printed.update({"iptables-save": IPTABLES, "dbus-send": ""})
    rules = firewall.Firewall()
    rules.restore(_lan())
    assert "dbus-send" not in host.calls  # they are there already
    host.printed.update({"iptables-save": "", "busctl": ""})
    with pytest.raises(
        HostError, match=r"hasn't created them within .* of the D-Bus signal .*Reloaded; restart libvirtd"
    ):
        rules.restore(_lan())
    assert host.calls.count("busctl") == 1 and "dbus-send" not in host.calls
    del host.printed["busctl"], host.printed["dbus-send"]
    with pytest.raises(HostError, match="neither busctl nor dbus-send; restart libvirtd or virtnetworkd"):
        firewall.Firewall().restore(_lan())


def test_one_signal_is_enough_for_all_networks(host: Tools) -> None:
    """libvirt creates the rules of one network after the other."""
    both = IPTABLES + IPTABLES.replace("virbr-lan", "virbr-b").replace("192.168.150", "192.168.151")
    host.printed.update({"iptables-save": "", "busctl": ""})
    host.created = ["", IPTABLES, IPTABLES, IPTABLES, IPTABLES, both, both, both]
    rules = firewall.Firewall()
    rules.restore(_lan())
    assert not rules.lacks(_lan())
    other = _lan(name="b", bridge={"name": "virbr-b"}, ips=[{"address": "192.168.151.1/24"}])
    assert rules.lacks(other)
    rules.restore(other)
    assert not rules.lacks(other)
    assert host.calls.count("busctl") == 1


# -- dnsmasq ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(dnsmasq, "_PROC", str(tmp_path))
    monkeypatch.setattr(dnsmasq, "RUN", str(tmp_path))
    monkeypatch.setattr(dnsmasq, "STATE", str(tmp_path))
    _namespaces(tmp_path / "self", net=1)
    return tmp_path


def _namespaces(process: Path, net: int) -> None:
    (process / "ns").mkdir(parents=True)
    (process / "ns" / "net").symlink_to(f"net:[{net}]")
    (process / "ns" / "pid").symlink_to("pid:[1]")


def _process(
    proc: Path, pid: int, *command: str, parent: int = 1, name: str = "x", started: float = 0, net: int = 1
) -> None:
    ticks = int(started * os.sysconf("SC_CLK_TCK"))
    _namespaces(proc / str(pid), net)
    (proc / str(pid) / "cmdline").write_text("".join(f"{word}\0" for word in command))
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) S {parent} {' '.join(['0'] * 17)} {ticks} 0 0\n")


def _dnsmasq(name: str) -> tuple[str, ...]:
    return ("/usr/sbin/dnsmasq", f"--conf-file=/var/lib/libvirt/dnsmasq/{name}.conf", "--leasefile-ro")


def test_the_process_of_a_network(proc: Path) -> None:
    _process(proc, 7, "sshd")
    _process(proc, 20, *_dnsmasq("other"))
    _process(proc, 29, "grep", "--conf-file=/var/lib/libvirt/dnsmasq/lan.conf")
    _process(proc, 28, *_dnsmasq("lan"), net=2)  # of a container, whose libvirt has a network of that name too
    _process(proc, 30)  # has ended, and its parent doesn't know yet
    assert dnsmasq.find("lan") is None
    _process(proc, 31, *_dnsmasq("lan"), parent=32)
    _process(proc, 32, *_dnsmasq("lan"))
    assert dnsmasq.find("lan") == 32
    assert [pid for pid in (7, 20, 28, 29, 30, 31, 32, 99) if dnsmasq.is_dnsmasq_of("lan", pid)] == [31, 32]
    dnsmasq.correct_pid_file("lan")
    assert dnsmasq.pid_in_file("lan") == 32
    with pytest.raises(HostError, match="find dnsmasq of network none"):
        dnsmasq.correct_pid_file("none")


@pytest.mark.parametrize(("text", "pid"), [("7\n", 7), ("", None), ("x\n", None), (None, None)])
def test_a_pid_file(proc: Path, text: Optional[str], pid: Optional[int]) -> None:
    if text is not None:
        (proc / "lan.pid").write_text(text)
    assert dnsmasq.pid_in_file("lan") == pid


def test_a_process_id_that_another_program_has_got(proc: Path) -> None:
    """Only a program that is younger than the file: dnsmasq had the id when it wrote the file."""
    (proc / "lan.pid").write_text("40")
    _process(proc, 40, "sleep", name="a (b) c", started=time.clock_gettime(time.CLOCK_BOOTTIME))
    assert dnsmasq.taken_by("lan", 40) is None
    os.utime(proc / "lan.pid", (time.time() - 100,) * 2)
    assert dnsmasq.taken_by("lan", 40) == "a (b) c"
    assert dnsmasq.taken_by("lan", 41) is None


def test_a_dnsmasq_that_is_left_over_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"unit-{os.getpid()}"
    assert not dnsmasq.end(name)
    for ignored in ("", "trap '' TERM; "):
        monkeypatch.setattr(dnsmasq, "_END_SECONDS", 0.4)
        command = ["dnsmasq", "-c", f"{ignored}read line; :", *_dnsmasq(name)[1:]]
        with subprocess.Popen(command, executable="/bin/sh", stdin=subprocess.PIPE) as process:
            while not dnsmasq.is_dnsmasq_of(name, process.pid):
                time.sleep(0.01)  # until it is the shell
            time.sleep(0.1)
            assert dnsmasq.end(name)
            assert process.wait(5) == (-9 if ignored else -15)


@pytest.mark.skipif(os.geteuid() != 0, reason="root may write any file that isn't read-only in another way")
def test_files_that_can_not_be_written(proc: Path) -> None:
    path = proc / "lan.conf"
    assert dnsmasq.why_not_writable(str(path)) is None and not path.exists()
    path.write_text("x")
    path.chmod(0o400)
    assert dnsmasq.why_not_writable(str(path)) is None and path.read_text() == "x"
    (proc / "directory").mkdir()
    assert dnsmasq.why_not_writable(str(proc / "directory")) == "Is a directory"


def test_files_that_a_start_writes() -> None:
    def names(network: Network) -> set[str]:
        return {os.path.basename(path) for path in dnsmasq.files(network)}

    ranges = [{"start": "192.168.150.100", "end": "192.168.150.199"}]
    served = {"lan.pid", "lan.conf", "lan.hostsfile", "lan.addnhosts", "virbr-lan.macs"}
    assert names(_lan()) == served
    with_dhcp = _lan(ips=[{"address": "192.168.150.1/24", "dhcp": {"ranges": ranges}}])
    assert names(with_dhcp) == {*served, "virbr-lan.status"}
    assert names(_lan(ips=[])) == names(_lan(dns={"enable": False})) == {"virbr-lan.macs"}


def test_networks_with_dnsmasq() -> None:
    hosts = [{"mac": "52:54:00:00:00:01", "ip": "192.168.150.5"}]
    with_dhcp = [{"address": "192.168.150.1/24", "dhcp": {"hosts": hosts}}]
    for network, dhcp, runs in (
        (_lan(), False, True),
        (_lan(ips=with_dhcp), True, True),
        (_lan(ips=with_dhcp, dns={"enable": False}), True, True),
        (_lan(dns={"enable": False}), False, False),
        (_lan(ips=[]), False, False),
        (_lan(ips=[], forward={"mode": "bridge"}), False, False),
    ):
        assert (has_dhcp(network), has_dnsmasq(network)) == (dhcp, runs)


def test_addresses_of_the_host() -> None:
    found = addresses_by_interface()
    assert "127.0.0.1/8" in found["lo"]
