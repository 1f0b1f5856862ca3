# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A container of Docker that has a port published."""

from __future__ import annotations

from .host import Host

PUBLISHED = 8090
# A container whose image has nothing but a shell, and what a connection to its port 80 is answered.
_START = f"""set -e
mkdir -p /run/image/bin
cp /usr/bin/busybox /run/image/bin
ln -s busybox /run/image/bin/sh
tar -C /run/image -c . | docker import - tiny
rm -r /run/image
docker run --detach --name web --restart always --stop-signal KILL --publish {PUBLISHED}:80 tiny \\
    /bin/sh -c 'while true; do echo docker | busybox nc -l -p 80; done'"""


def publish(host: Host) -> None:
    """Start the container `web`, whose port 80 is `PUBLISHED` on the host."""
    host.shell(_START)


def inside(host: Host, command: str) -> str:
    """What a command says in the container's network."""
    pid = "$(docker inspect --format '{{.State.Pid}}' web)"
    return host.shell(f"nsenter --net --target {pid} {command}", check=False).strip()
