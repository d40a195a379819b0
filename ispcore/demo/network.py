"""The demo's ISP as data: who buys what, over which VLANs, on which routers."""

import hashlib
from dataclasses import dataclass

from ispcore.environment import var_dir
from lab.traffic import Profile

ZONE = "Asia/Dhaka"
LOGIN, LOGIN_OF = "meghna", "Meghna Online"  # who looks at the demo as a reseller's owner
API_PORT, SNMP_PORT = 18728, 18161
M = 1_000_000


@dataclass(frozen=True, slots=True)
class DemoRouter:
    name: str
    site: str
    number: int
    board: str
    version: str

    @property
    def address(self) -> str:
        """Loopback, and another one for each var/, so that two demos do not meet."""
        third = int(hashlib.sha256(str(var_dir()).encode()).hexdigest(), 16) % 250 + 1
        return f"127.77.{third}.{self.number}"


@dataclass(frozen=True, slots=True)
class DemoReseller:
    name: str
    plan: str
    contact: str
    phone: str
    address: str


@dataclass(frozen=True, slots=True)
class DemoVlan:
    """A VLAN with its share of the reseller's plan at the evening peak, in percent."""

    reseller: str
    router: str
    vlan_id: int
    carries: str
    share_percent: int

    @property
    def interface(self) -> str:
        return f"vlan-{self.vlan_id}-{self.reseller.split()[0].lower()}"

    @property
    def profile(self) -> Profile:
        down_bps, up_bps = PLANS[RESELLER_PLAN[self.reseller]]
        return Profile(
            peak_down_bps=down_bps * self.share_percent // 100,
            peak_up_bps=up_bps * self.share_percent // 500,
            seed=self.vlan_id,
            zone=ZONE,
        )


PLANS = {
    "Dedicated 200": (200 * M, 200 * M),
    "Dedicated 300": (300 * M, 300 * M),
    "Dedicated 400": (400 * M, 400 * M),
    "Dedicated 500": (500 * M, 500 * M),
    "Dedicated 800": (800 * M, 800 * M),
}
ROUTERS = (
    DemoRouter("utt-edge-01", "Uttara", 1, "CCR2004-1G-12S+2XS", "7.20.4"),
    DemoRouter("mir-edge-01", "Mirpur", 2, "CCR2116-12G-4S+", "7.16.2"),
    DemoRouter("nar-edge-01", "Narayanganj", 3, "RB5009UPr+S+", "7.18.2"),
)
RESELLERS = (
    DemoReseller("Meghna Online", "Dedicated 500", "Farhana Akter", "+8801711000101", "Sector 7, Uttara"),
    DemoReseller("Turag Link", "Dedicated 300", "Rafiq Hasan", "+8801711000102", "Tongi Bazar"),
    DemoReseller("Uttara Fibre Zone", "Dedicated 400", "Nusrat Jahan", "+8801711000103", "Sector 11, Uttara"),
    DemoReseller("Mirpur CableNet", "Dedicated 800", "Shamim Ahmed", "+8801711000104", "Mirpur 10"),
    DemoReseller("Shitalakkhya Net", "Dedicated 200", "Tania Rahman", "+8801711000105", "Chashara, Narayanganj"),
)  # fmt: skip
RESELLER_PLAN = {reseller.name: reseller.plan for reseller in RESELLERS}
VLANS = (
    DemoVlan("Meghna Online", "utt-edge-01", 312, "Internet", 72),
    DemoVlan("Meghna Online", "utt-edge-01", 313, "BDIX", 20),
    DemoVlan("Turag Link", "utt-edge-01", 320, "Internet", 70),
    DemoVlan("Turag Link", "utt-edge-01", 321, "BDIX", 18),
    DemoVlan("Uttara Fibre Zone", "utt-edge-01", 330, "Internet", 62),
    DemoVlan("Uttara Fibre Zone", "mir-edge-01", 331, "BDIX", 14),
    DemoVlan("Mirpur CableNet", "mir-edge-01", 410, "Internet", 50),
    DemoVlan("Mirpur CableNet", "mir-edge-01", 411, "BDIX", 15),
    DemoVlan("Meghna Online", "mir-edge-01", 814, "Cache", 6),
    DemoVlan("Shitalakkhya Net", "nar-edge-01", 510, "Internet", 55),
    DemoVlan("Shitalakkhya Net", "nar-edge-01", 511, "BDIX", 14),
    DemoVlan("Shitalakkhya Net", "nar-edge-01", 512, "Cache", 8),
)
OVER, NEAR = VLANS[0], VLANS[2]
DYING, REBOOTING, LOSSY = "nar-edge-01", "mir-edge-01", "utt-edge-01"


def lab_config(secrets: dict[str, tuple[str, str]]) -> dict[str, object]:
    """The lab's configuration; `secrets` gives (API password, SNMP community) per router."""
    return {
        "routers": [
            {
                "name": router.name,
                "address": router.address,
                "api_port": API_PORT,
                "snmp_port": SNMP_PORT,
                "username": "ispcore",
                "password": secrets[router.name][0],
                "community": secrets[router.name][1],
                "version": router.version,
                "board": router.board,
                "vlans": [_lab_vlan(vlan) for vlan in VLANS if vlan.router == router.name],
            }
            for router in ROUTERS
        ]
    }


def trouble() -> dict[str, object]:
    """Who suffers in the day of trouble."""
    return {
        "over": _line(OVER),
        "near": _line(NEAR),
        "dying": DYING,
        "rebooting": REBOOTING,
        "lossy": LOSSY,
    }


def _lab_vlan(vlan: DemoVlan) -> dict[str, object]:
    profile = vlan.profile
    return {
        "name": vlan.interface,
        "vlan_id": vlan.vlan_id,
        "parent": "sfp-sfpplus2",
        "comment": f"{vlan.reseller}, {vlan.carries}",
        "profile": {
            "peak_down_bps": profile.peak_down_bps,
            "peak_up_bps": profile.peak_up_bps,
            "seed": profile.seed,
            "zone": profile.zone,
        },
    }


def _line(vlan: DemoVlan) -> dict[str, object]:
    """The other VLANs of the reseller carry the rest of its plan: a tenth, roughly."""
    down_bps, up_bps = PLANS[RESELLER_PLAN[vlan.reseller]]
    return {
        "router": vlan.router,
        "interface": vlan.interface,
        "plan_down_bps": down_bps * 9 // 10,
        "plan_up_bps": up_bps * 9 // 10,
    }
