# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Settings of network devices: what is planned and refused, what is given back, and what netlink and /proc say."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils import run_state
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.ethtool import interrupts, messages
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.netlink.channel import attribute
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.os import lock
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.nic_tuning.kind import NicTuningKind
from ansible_collections.virtnet.kvm.plugins.module_utils.model.nic_tuning.options import Value, cpu_list
from ansible_collections.virtnet.kvm.plugins.module_utils.model.nic_tuning.steps import Device, NicDriver
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.device.steps import StoredSettings
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_fabric, run_info, run_resource
from unit.run_module import run_module

NIC = Device(
    {
        "channels": {"rx": 0, "tx": 0, "combined": 4},
        "rings": {"rx": 256, "tx": 256},
        "offloads": {"rx-gro": True, "tx-tcp-segmentation": True, "tx-tcp6-segmentation": True, "highdma": True},
        "irq_affinity": {"0": "0-3", "1": "0-3"},
    },
    {"channels": {"combined": 8, "rx": 4, "tx": 4}, "rings": {"rx": 4096, "tx": 1024}},
    frozenset({"highdma"}),
    "boot 2",
    cpus=frozenset(range(4)),
)


# With a feature that another one depends on, as the kernel has them (netdev_fix_features).
DEPENDENT = replace(
    NIC,
    settings={**NIC.settings, "offloads": {"tx-checksum-ip-generic": True, "tx-tcp-segmentation": True}},
    requested={"tx-checksum-ip-generic": True, "tx-tcp-segmentation": True},
)


class Nics(NicDriver):
    """A host with the NIC enp3s0, whose driver rounds rings up to powers of two."""

    def __init__(self) -> None:
        self.devices = {"enp3s0": NIC}

    def names(self) -> tuple[str, ...]:
        return tuple(self.devices)

    def device(self, name: str) -> Optional[Device]:
        return self.devices.get(name)

    def apply(self, name: str, group: str, values: Mapping[str, Value], restored: Collection[str] = ()) -> None:
        device = self.devices[name]
        taken: dict[str, Value] = dict(values)
        if group == "rings":
            taken = {each: 1 << (int(value) - 1).bit_length() for each, value in values.items()}
        requested = {**device.requested, **values} if group == "offloads" and device.requested else device.requested
        if group == "offloads" and not requested.get("tx-checksum-ip-generic", True):
            taken = {**taken, "tx-tcp-segmentation": False}
        elif group == "offloads":
            taken = {**taken, **requested}
        settings = {**device.settings, group: {**device.settings[group], **taken}}
        self.devices[name] = replace(device, settings=settings, requested=requested)
        if any(taken[each] != value for each, value in values.items() if each not in restored):
            raise HostError(f"set {group} on {name}", "the driver has another value")


class Stored(StoredSettings):
    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.whole = True
        self.udev = True

    def text(self, part: str, device: str) -> Optional[str]:
        return self.texts.get(device) if part == "ethtool" else None

    def devices(self, part: str) -> tuple[str, ...]:
        return tuple(self.texts) if part == "ethtool" else ()

    def intact(self, part: str) -> bool:
        return self.whole and part == "ethtool"

    def runs(self) -> bool:
        return self.udev

    def store(self, part: str, device: str, text: Optional[str]) -> None:
        self.whole = part == "ethtool"
        if text is None:
            self.texts.pop(device, None)
        else:
            self.texts[device] = text


class Lab:
    """A host with the kind on it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.nics, self.stored, self._patch = Nics(), Stored(), monkeypatch
        self.kind = NicTuningKind()
        drivers = {NicDriver: lambda _host, _where: self.nics, StoredSettings: lambda _host, _where: self.stored}
        monkeypatch.setattr(NicTuningKind, "drivers", drivers)

    def run(self, **options: Any) -> dict[str, Any]:
        return run_module(self._patch, lambda: run_resource(self.kind), **{"device": "enp3s0", **options})

    def converge(self, **options: Any) -> dict[str, Any]:
        """Predicted, done, and nothing more to do."""
        predicted = self.run(check=True, **options)
        done = self.run(**options)
        assert predicted == done
        again = self.run(**options)
        assert not again["changed"] and again["after"] == done["after"], again
        return done

    def fails(self, **options: Any) -> str:
        before = dict(self.nics.devices), dict(self.stored.texts)
        said = str(self.run(**options)["msg"])
        assert self.run(check=True, **options)["msg"] == said
        assert (dict(self.nics.devices), dict(self.stored.texts)) == before
        return said

    @property
    def settings(self) -> Mapping[str, Mapping[str, Value]]:
        return self.nics.devices["enp3s0"].settings

    def birth(self, device: Device = NIC) -> None:
        self.nics.devices["enp3s0"] = replace(device, birth="boot 7")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    for module in (run_state, lock):
        monkeypatch.setattr(module, "run_directory", lambda _uri: str(tmp_path / "run"))
    yield Lab(monkeypatch)


ALL: dict[str, Any] = {
    "channels": {"combined": 2},
    "rings": {"rx": 1024},
    "offloads": {"gro": False, "tso": "off"},
    "irq_affinity": [{"queue": 0, "cpus": "3,0,1"}, {"queue": 1, "cpus": "2"}],
}


def test_all_groups_and_back(lab: Lab) -> None:
    made = lab.converge(**ALL)
    assert made["actions"][1:] == [
        "set channels combined=2 on enp3s0",
        "set rings rx=1024 on enp3s0",
        "set offloads rx-gro=off tx-tcp-segmentation=off tx-tcp6-segmentation=off on enp3s0",
        "set irq_affinity 0=0-1,3 1=2 on enp3s0",
    ]
    assert made["before"] == {
        "device": "enp3s0",
        "state": "absent",
        "channels": {"combined": 4},
        "rings": {"rx": 256},
        "offloads": {"rx-gro": True, "tx-tcp-segmentation": True, "tx-tcp6-segmentation": True},
        "irq_affinity": [{"queue": 0, "cpus": "0-3"}, {"queue": 1, "cpus": "0-3"}],
    }
    changed = lab.converge(rings={"rx": 512, "tx": 512}, offloads={"gro": True})
    assert changed["actions"][1:] == ["set rings rx=512 tx=512 on enp3s0", "set offloads rx-gro=on on enp3s0"]
    assert lab.settings["channels"]["combined"] == 2, "what is left out stays"
    given_back = lab.converge(rings={}, irq_affinity=[])
    assert given_back["after"].keys() == {"device", "state", "channels", "offloads", "persist"}
    assert (
        lab.settings["rings"] == NIC.settings["rings"] and lab.settings["irq_affinity"] == NIC.settings["irq_affinity"]
    )
    gone = lab.converge(state="absent")
    assert gone["actions"][-1] == "remove /var/lib/virtnet.kvm/ethtool/enp3s0.json"
    assert lab.settings == NIC.settings and not lab.stored.texts
    assert not lab.run(state="absent")["changed"]


def test_it_is_for_one_birth_or_for_all(lab: Lab) -> None:
    """What isn't persistent is forgotten with the device; what is persistent is applied to the next one."""
    lab.run(rings={"rx": 1024})
    lab.birth()
    assert not lab.run(state="absent", check=True)["actions"][0].startswith("set")
    assert lab.run(channels={"combined": 1})["after"].keys() == {"device", "state", "channels", "persist"}
    lab.run(persist=True)
    lab.birth()
    done = lab.converge()
    assert done["actions"] == ["set channels combined=1 on enp3s0"]
    lab.converge(persist=False)
    lab.birth()
    assert not lab.run(state="absent")["actions"][0].startswith("set")


def test_a_missing_device_gets_it_when_it_is_created(lab: Lab) -> None:
    del lab.nics.devices["enp3s0"]
    assert lab.fails(rings={"rx": 512}).startswith("device: 'enp3s0' is no interface of this host; create it first")
    made = lab.converge(rings={"rx": 512}, persist=True)
    assert made["pending"] == ["rings"] and "applied when it is created" in made["warnings"][0]
    lab.birth()
    assert lab.converge()["actions"][-1] == "set rings rx=512 on enp3s0"
    lab.stored.whole = False
    repaired = lab.converge()
    assert repaired["actions"] == ["update the service that applies /var/lib/virtnet.kvm/ethtool/enp3s0.json"]
    lab.stored.udev = False
    assert "no udev runs on this host" in lab.run()["warnings"][0]


def test_interrupts_of_a_device_that_is_down(lab: Lab) -> None:
    down = {group: held for group, held in NIC.settings.items() if group != "irq_affinity"}
    lab.birth(replace(NIC, settings=down))
    made = lab.converge(irq_affinity=ALL["irq_affinity"], persist=True)
    assert made["pending"] == ["irq_affinity"] and "set it up first" in made["warnings"][0]
    lab.birth()
    # what was there before is known only now, and remembered
    assert lab.converge()["actions"][1:] == ["set irq_affinity 0=0-1,3 1=2 on enp3s0"]


def test_a_driver_that_rounds(lab: Lab) -> None:
    said = lab.run(rings={"rx": 1000})["msg"]
    assert said == (
        "set rings rx=1000 on enp3s0: set rings on enp3s0: the driver has another value; the host is as it was"
    )
    assert lab.settings == NIC.settings and not lab.stored.texts


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rings": {"rx": 5000}}, "rings.rx: 5000 is beyond the maximum of this device; use 4096 or less"),
        ({"rings": {"rx_mini": 5}}, "rings.rx_mini: 5 is nothing that this device has; it has these rings: rx, tx"),
        ({"rings": {"rx": 0}}, "rings.rx: 0 is too small; use 1 or more"),
        ({"channels": {"combined": 0}}, "channels: has no receive or no transmit queue; keep at least one of each"),
        ({"channels": {"other": 1}}, "channels.other: 1 is nothing that this device has"),
        (
            {"offloads": {"highdma": False}},
            "offloads.highdma: False can't be set: the driver has it fixed to on; leave",
        ),
        (
            {"offloads": {"tx-tcp-segmentatoin": False}},
            "offloads.tx-tcp-segmentatoin: is no feature that the kernel has;",
        ),
        (
            {"offloads": {"gro": True, "rx-gro": True}},
            "offloads.rx-gro: is the same as another offload, rx-gro; give it",
        ),
        ({"offloads": {"gro": 7}}, "offloads.gro: 7 is not a boolean; use true or false"),
        ({"irq_affinity": [{"queue": 9, "cpus": "0"}]}, "irq_affinity[queue=9]: is no queue that has an interrupt"),
        (
            {"irq_affinity": [{"queue": 0, "cpus": "0-7"}]},
            "irq_affinity[queue=0]: '0-7' has CPU 4, which is not online;",
        ),
        ({"irq_affinity": [{"queue": 0, "cpus": "x"}]}, "irq_affinity[0].cpus: 'x' is not a list of CPUs; write it as"),
        ({"irq_affinity": [{"queue": 0, "cpus": "0"}] * 2}, "irq_affinity[1].queue: 0 is there twice; give each queue"),
        ({"device": "vnet3", "persist": True}, "persist: can't be true for vnet3, because such names are counted up"),
        ({"device": "a$b", "persist": True}, "persist: can't be true for a$b; rename the device with letters"),
        ({"device": "a/b"}, "device: 'a/b' can't be the name of an interface"),
    ],
)
def test_refused(lab: Lab, options: dict[str, Any], said: str) -> None:
    assert lab.fails(**options).startswith(said)


def test_refused_beside_irqbalance_and_on_virtual_devices(lab: Lab) -> None:
    lab.nics.devices["enp3s0"] = replace(NIC, balanced=True)
    assert "can't be kept beside irqbalance" in lab.fails(irq_affinity=ALL["irq_affinity"])
    lab.nics.devices["enp3s0"] = replace(NIC, hardware=False)
    assert "this device is virtual and has no interrupts" in lab.fails(irq_affinity=ALL["irq_affinity"])


def test_info_and_fabric(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    made = run_module(monkeypatch, lambda: run_fabric([lab.kind]), nic_tuning=[{"device": "enp3s0", **ALL}])
    assert made["nic_tuning"][0]["after"]["rings"] == {"rx": 1024} and not made["restorable"]
    (found,) = run_module(monkeypatch, lambda: run_info(lab.kind))["nic_tuning"]
    assert found["maximum"]["rings"] == {"rx": 4096, "tx": 1024} and found["fixed"] == ["highdma"]
    assert found["declared"]["offloads"] == {"rx-gro": False, "tso": False} and found["prior"]["rings"] == {"rx": 256}
    assert run_module(monkeypatch, lambda: run_info(lab.kind), name=["eth9"])["nic_tuning"] == []
    wrong = run_module(
        monkeypatch, lambda: run_fabric([lab.kind]), nic_tuning=[{"device": "enp3s0", "rings": {"rx": 9999}}]
    )
    assert wrong["option"] == "nic_tuning[0].rings.rx"


# ---- netlink


def _bits(*names: str, mask: bool = False, on: tuple[str, ...] = ()) -> bytes:
    found = b"".join(
        attribute(0x8001, attribute(2, f"{name}\0".encode()) + (attribute(3, b"") if name in on else b""))
        for name in names
    )
    return (b"" if mask else attribute(1, b"")) + attribute(0x8003, found)


def test_features_as_the_kernel_says_them() -> None:
    answer = (
        messages.GENL_HEADER.pack(11, 1, 0)
        + messages.device_header("eth0")
        + attribute(0x8002, _bits("gro", "tso", "never", "fixed", mask=True, on=("gro", "tso", "never")))
        + attribute(0x8003, _bits("gro"))
        + attribute(0x8004, _bits("gro", "fixed"))
        + attribute(0x8005, _bits("never"))
    )
    values, requested, fixed = messages.features(answer)
    assert values == {"gro": True, "tso": False, "never": False, "fixed": True} and fixed == {"never", "fixed"}
    assert requested == {"gro": True, "tso": False}
    sent = messages.set_features("eth0", {"gro": False, "tso": True})
    assert sent.endswith(attribute(0x8003, attribute(0x8003, _bits("gro", "tso", mask=True, on=("tso",))[4:])))


def test_rings_as_the_kernel_says_them() -> None:
    numbers = {2: 4096, 3: 0, 5: 1024, 6: 256, 9: 512}
    answer = messages.GENL_HEADER.pack(15, 1, 0) + messages.device_header("eth0")
    answer += b"".join(attribute(number, struct.pack("=I", value)) for number, value in numbers.items())
    assert messages.counts(answer, messages.RINGS) == ({"rx": 256, "tx": 512}, {"rx": 4096, "tx": 1024})
    sent = messages.set_counts("eth0", {"rx": 512}, messages.RINGS)
    assert sent == messages.device_header("eth0") + attribute(6, struct.pack("=I", 512))


def test_what_an_offload_was_set_to_is_given_back(lab: Lab) -> None:
    """Not what it was: segmentation is off without the checksum that it depends on, and on with it."""
    lab.nics.devices["enp3s0"] = DEPENDENT
    lab.converge(offloads={"tx-checksum-ip-generic": False})
    assert lab.settings["offloads"]["tx-tcp-segmentation"] is False
    before = lab.nics.devices["enp3s0"]
    assert "has another value" in lab.run(offloads={"tx-tcp-segmentation": True})["msg"]
    assert lab.nics.devices["enp3s0"] == before
    # off already, but set to on: with the checksum it would be on
    lab.converge(offloads={"tx-tcp-segmentation": False})
    assert lab.nics.devices["enp3s0"].requested["tx-tcp-segmentation"] is False
    lab.converge(state="absent")
    assert lab.nics.devices["enp3s0"] == DEPENDENT


def test_an_offload_that_depends_on_a_declared_one_is_given_back(lab: Lab) -> None:
    lab.nics.devices["enp3s0"] = DEPENDENT
    lab.converge(offloads={"tx-tcp-segmentation": False})
    lab.nics.apply("enp3s0", "offloads", {"tx-checksum-ip-generic": False})
    lab.converge(offloads={})
    assert lab.nics.devices["enp3s0"].requested == {"tx-checksum-ip-generic": False, "tx-tcp-segmentation": True}


# ---- interrupts


@pytest.mark.parametrize(
    ("names", "queues"),
    [
        (["virtio0-config", "virtio0-input.0", "virtio0-output.0", "virtio0-input.1"], {0: [41, 42], 1: [43]}),
        (["enp3s0", "enp3s0-TxRx-0", "enp3s0-TxRx-1"], {0: [41], 1: [42]}),
        (
            ["mlx5_async0@pci:0000:03:00.0", "mlx5_comp0@pci:0000:03:00.0", "mlx5_comp12@pci:0000:03:00.0"],
            {0: [41], 12: [42]},
        ),
        (["ena-mgmnt@pci:0000:00:05.0", "enp3s0-Tx-Rx-0", "enp3s0-Tx-Rx-1"], {0: [41], 1: [42]}),
        (["eth7-TxRx-0", "enp3s0-TxRx-0"], {0: [41]}),
        (["enp3s0"], {0: [40]}),
        ([], {}),
    ],
)
def test_queues_by_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], queues: dict[int, list[int]]
) -> None:
    monkeypatch.setattr(interrupts, "ROOT", str(tmp_path))
    home = tmp_path / "sys/class/net/enp3s0/device/msi_irqs"
    home.mkdir(parents=True)
    (tmp_path / "proc").mkdir()
    lines = ["           CPU0       CPU1", "NMI:  0  0  Non-maskable interrupts"]
    for number, name in enumerate(names, 40):
        (home / str(number)).touch()
        lines.append(f" {number}:          0          7  PCI-MSIX-0000:03:00.0   1-edge      {name}")
        irq = tmp_path / f"proc/irq/{number}"
        irq.mkdir(parents=True)
        (irq / "smp_affinity_list").write_text("0-3\n")
    (tmp_path / "proc/interrupts").write_text("\n".join(lines))
    assert interrupts.queues("enp3s0") == queues
    assert interrupts.affinity("enp3s0") == {str(queue): "0-3" for queue in queues}
    for queue, numbers in queues.items():
        interrupts.set_affinity("set", "enp3s0", {str(queue): "2"})
        assert interrupts.affinity("enp3s0")[str(queue)] == "2"
        several = ";".join(str(number % 4) for number in numbers)
        interrupts.set_affinity("set", "enp3s0", {str(queue): several})
        assert interrupts.affinity("enp3s0")[str(queue)] == several, "each interrupt has its own again"
    with pytest.raises(
        HostError, match=r"^set: queue 99 has no interrupt; set the device up, or declare more channels"
    ):
        interrupts.set_affinity("set", "enp3s0", {"99": "2"})


@pytest.mark.parametrize(
    ("given", "normal"), [("0", "0"), ("3,1,2,0", "0-3"), ("0-1,4,2-3,9", "0-4,9"), ("07", "7"), ("0,2,4-5", "0,2,4-5")]
)
def test_cpu_lists(given: str, normal: str) -> None:
    assert cpu_list(given) == normal
