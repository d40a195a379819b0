"""The demo's subscribers as data: what they buy, who they are, and what became of each."""

from dataclasses import dataclass
from typing import Any

M, K, GB = 1_000_000, 1_000, 1_000_000_000


@dataclass(frozen=True, slots=True)
class DemoPackage:
    tenant: str
    name: str
    down_bps: int
    up_bps: int
    price: int
    more: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DemoSubscriber:
    """`state` is how the line is: "online", "off", "stale", "soon", "expired", "suspended",
    "disabled", "wrong password", "too many", "by hand" (its rows were changed by hand)."""

    package: str
    username: str
    name: str
    phone: str
    state: str = "online"
    more: tuple[tuple[str, str], ...] = ()


BURST = {
    "burst_down_bps": 30 * M,
    "burst_up_bps": 15 * M,
    "burst_down_s": 16,
    "burst_up_s": 16,
    "priority": 6,
}
QUOTA = {
    "quota_octets": 800 * GB,
    "past_quota": "throttle",
    "throttled_down_bps": 5 * M,
    "throttled_up_bps": 2 * M,
}
GARDEN = {
    "when_blocked": "walled",
    "walled_list": "unpaid",
    "walled_down_bps": 256 * K,
    "walled_up_bps": 128 * K,
}
MEGHNA, TURAG = "Meghna Online", "Turag Link"
PACKAGES = (
    DemoPackage(MEGHNA, "Home 20", 20 * M, 10 * M, 800, {"ipv4_pool": "home"} | BURST),
    DemoPackage(MEGHNA, "Home 50", 50 * M, 25 * M, 1200, {"ipv4_pool": "home"} | QUOTA),
    DemoPackage(
        MEGHNA,
        "Office 100",
        100 * M,
        100 * M,
        4500,
        {"service": "static", "ipv4_networks": "103.77.12.0/26", "device_limit": None},
    ),
    DemoPackage(
        MEGHNA,
        "Day pass",
        5 * M,
        2 * M,
        20,
        {"service": "hotspot", "validity": "days", "validity_days": 1, "device_limit": 2},
    ),
    DemoPackage(TURAG, "Basic 10", 10 * M, 5 * M, 500, {"ipv4_pool": "turag"} | GARDEN),
    DemoPackage(TURAG, "Family 30", 30 * M, 15 * M, 950, {"ipv4_pool": "turag"} | GARDEN),
)
SUBSCRIBERS = (
    DemoSubscriber("Home 20", "rahim.uddin", "Rahim Uddin", "+8801712000201"),
    DemoSubscriber("Home 20", "shirin.akter", "Shirin Akter", "+8801712000202", "wrong password"),
    DemoSubscriber("Home 20", "kamal-h7", "Kamal Hossain", "+8801712000203", "suspended"),
    DemoSubscriber("Home 20", "nasrin.b", "Nasrin Begum", "+8801712000204", "expired"),
    DemoSubscriber("Home 20", "arif.r12", "Arif Rahman", "+8801712000205", "stale"),
    DemoSubscriber("Home 20", "sumaiya", "Sumaiya Islam", "+8801712000206", "by hand"),
    DemoSubscriber("Home 20", "jashim.flat4b", "Jashim Mia", "+8801712000207", "soon"),
    DemoSubscriber("Home 20", "rupa.das", "Rupa Das", "+8801712000208"),
    DemoSubscriber("Home 20", "tanvir99", "Tanvir Alam", "+8801712000209"),
    DemoSubscriber("Home 20", "old.tower2", "Mamun Chowdhury", "+8801712000210", "disabled"),
    DemoSubscriber("Home 50", "farzana.k", "Farzana Karim", "+8801712000211"),
    DemoSubscriber("Home 50", "habib.ln", "Habibur Rahman", "+8801712000212", "too many"),
    DemoSubscriber("Home 50", "mitu.s3", "Mitu Saha", "+8801712000213"),
    DemoSubscriber("Home 50", "delwar.h", "Delwar Hossain", "+8801712000214", "off"),
    DemoSubscriber("Home 50", "ishrat", "Ishrat Jahan", "+8801712000215", "soon"),
    DemoSubscriber(
        "Office 100",
        "4C:5E:0C:11:22:33",
        "Padma Garments, office",
        "+8801712000216",
        "online",
        (("ipv4", "103.77.12.10"), ("mac", "4C:5E:0C:11:22:33")),
    ),
    DemoSubscriber(
        "Office 100",
        "B8:69:F4:44:55:66",
        "Uttara Model School",
        "+8801712000217",
        "online",
        (("ipv4", "103.77.12.11"), ("mac", "B8:69:F4:44:55:66")),
    ),
    DemoSubscriber("Day pass", "guest-4471", "", "", "online"),
    DemoSubscriber("Day pass", "guest-4472", "", "", "expired"),
    DemoSubscriber("Basic 10", "moushumi", "Moushumi Roy", "+8801712000220"),
    DemoSubscriber("Basic 10", "bashar.t", "Abul Bashar", "+8801712000221", "expired"),
    DemoSubscriber("Basic 10", "liton.shop", "Liton Store", "+8801712000222"),
    DemoSubscriber("Family 30", "ayesha.s", "Ayesha Siddiqua", "+8801712000223"),
    DemoSubscriber("Family 30", "polash.d", "Polash Dutta", "+8801712000224", "suspended"),
)
