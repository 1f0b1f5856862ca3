# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Forwards of FTP, which opens further connections, and the log of the kernel."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.guests import guest_on, reaches
from integration.support.host import Host
from integration.support.networks import isolated
from integration.support.wires import OUTER

_HOST = "192.168.30.2"
_OUTSIDE = "ip netns exec outer"
_ROUTED = f"{OUTER}; ip address add {_HOST}/24 dev ens7; sysctl -qw net.ipv4.ip_forward=1"
_NET = {**isolated("lan", 150), "forward": {"mode": "nat"}}
_FTP: dict[str, Any] = {"listen": {"port": "2121"}, "to": {"address": "192.168.150.10", "port": 21}}
MODULES = ("nat_portforward",)

# A server with just what a listing needs. It says its own address, which is of no use outside.
_SERVER = """
import socket
listening = socket.create_server(("", 21))
while True:
    peer = listening.accept()[0]
    peer.sendall(b"220 ready\\r\\n")
    for line in peer.makefile("rb"):
        verb, _, argument = line.decode().strip().partition(" ")
        reply = "200 well"
        if verb == "PASV":
            waiting = socket.create_server(("", 0))
            numbers = *peer.getsockname()[0].split("."), *divmod(waiting.getsockname()[1], 256)
            reply = "227 Entering Passive Mode (" + ",".join(map(str, numbers)) + ")"
            data = lambda: waiting.accept()[0]
        elif verb == "PORT":
            *address, high, low = argument.split(",")
            to = ".".join(address), int(high) * 256 + int(low)
            data = lambda: socket.create_connection(to, 5)
        elif verb == "LIST":
            peer.sendall(b"150 here it is\\r\\n")
            with data() as sending:
                sending.sendall(f"seen {peer.getpeername()[0]}\\r\\n".encode())
            reply = "226 sent"
        peer.sendall(f"{reply}\\r\\n".encode())
"""
# A client that goes where the server says.
_CLIENT = f"""
import ftplib, sys
server = ftplib.FTP(timeout=3)
server.trust_server_pasv_ipv4_address = True
server.connect("{_HOST}", 2121)
server.login()
server.set_pasv(sys.argv[1] == "passive")
server.retrlines("LIST")
"""


def _listed(host: Host, mode: str) -> str:
    return host.shell(f"{_OUTSIDE} python3 /run/client.py {mode} 2>&1", check=False)


def test_ftp(clean: Host) -> None:
    """Without the helper the second connection goes nowhere; with it both ways of FTP work, also past libvirt's rules."""
    clean.shell(_ROUTED)
    clean.net(**_NET)
    clean.shell("cat >/var/tmp/server.py", input=_SERVER)
    clean.shell("cat >/run/client.py", input=_CLIENT)
    with guest_on(clean, "lan", ip="192.168.150.10/24", kind="station") as guest:
        guest.check("ip route add default via 192.168.150.1")
        reaches(clean, guest.address())
        guest.check("python3 /var/tmp/server.py </dev/null >/run/ftp.log 2>&1 &")
        converge(clean, {"forwards": [_FTP]}, module="nat_portforward", changed=True)
        assert "seen" not in _listed(clean, "passive")
        made = converge(clean, {"forwards": [{**_FTP, "helper": "ftp"}]}, module="nat_portforward", changed=True)
        assert "change port 2121/tcp to 192.168.150.10:21 with the helper ftp" in str(made["actions"])
        for mode in ("passive", "active"):
            assert _listed(clean, mode).strip() == "seen 192.168.30.1", mode
        # loaded again without Ansible
        clean.shell("nft delete table inet virtnet_fwd_default")
        clean.until("nft list table inet virtnet_fwd_default")
        assert _listed(clean, "passive").strip() == "seen 192.168.30.1"
    clean.ok("nat_portforward", {"state": "absent"})
    clean.shell("rm /var/tmp/server.py /run/client.py")


@pytest.mark.parametrize(
    ("forward", "said", "option"),
    [
        ({**_FTP, "helper": "tftp"}, "is for udp only", "forwards[0].helper"),
        ({**_FTP, "log_prefix": "web"}, "has no effect without log", "forwards[0].log_prefix"),
        ({**_FTP, "log": True, "log_prefix": 'a"'}, "can't begin a line of the log", "forwards[0].log_prefix"),
    ],
)
def test_refused(clean: Host, forward: dict[str, Any], said: str, option: str) -> None:
    refused(clean, {"forwards": [forward]}, said, module="nat_portforward", option=option)


@pytest.mark.kernel  # a container has the log of another kernel
def test_a_log(clean: Host) -> None:
    """A line for each connection of the forward that is logged; and a change of the prefix is one change."""
    clean.shell(_ROUTED)
    clean.net(**_NET)
    logged = {"listen": {"port": "8081"}, "to": {"address": "192.168.150.10", "port": 80}, "log": True}
    ask = f"{_OUTSIDE} timeout 2 bash -c 'exec 3<>/dev/tcp/{_HOST}/PORT; cat <&3'"
    with guest_on(clean, "lan", ip="192.168.150.10/24", kind="station") as guest:
        guest.check("ip route add default via 192.168.150.1")
        reaches(clean, guest.address())
        guest.listen(80, text="web")
        converge(
            clean,
            {"forwards": [logged, {**logged, "listen": {"port": "8082"}, "log": False}]},
            module="nat_portforward",
            changed=True,
        )
        for port in ("8081", "8082", "8081"):
            assert "web" in clean.shell(ask.replace("PORT", port))
        lines = [line for line in clean.shell("dmesg").splitlines() if "virtnet.kvm forward: IN=ens7" in line]
        assert len(lines) == 2 and all(f"SRC=192.168.30.1 DST={_HOST}" in line and "DPT=8081" in line for line in lines)
        made = converge(clean, {"forwards": [{**logged, "log_prefix": "web:"}]}, module="nat_portforward", changed=True)
        assert "change port 8081/tcp" in str(made["actions"])
        assert "web" in clean.shell(ask.replace("PORT", "8081"))
        assert "web: IN=ens7" in clean.shell("dmesg")
    clean.ok("nat_portforward", {"state": "absent"})
