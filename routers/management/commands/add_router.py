"""manage.py add_router: enter a router, test it, and discover its interfaces."""

import getpass
import os
import sys
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ispcore.base.audit import Actor
from ispcore.protocols.errors import ProtocolError
from routers.models import Router
from routers.operations import discovery
from routers.operations import routers as operations

BY = Actor("manage.py add_router")
SECRETS = {
    "api_password": "ROUTER_API_PASSWORD",
    "snmp_community": "ROUTER_SNMP_COMMUNITY",
    "snmp_auth_key": "ROUTER_SNMP_AUTH_KEY",
    "snmp_priv_key": "ROUTER_SNMP_PRIV_KEY",
}


class Command(BaseCommand):
    help = (
        "Enter a router and discover its interfaces. Secrets come from the environment "
        f"({', '.join(SECRETS.values())}) or are asked for, never from arguments, which "
        "everybody on the machine can read. "
        "Example: ROUTER_SNMP_COMMUNITY=s3cret manage.py add_router utt-edge-01 10.88.4.1 "
        "--site Uttara --api-user ispcore. A router that is no MikroTik needs SNMP only: leave out "
        "--api-user. "
        "Exit code 0: entered and it answers; 1: refused, nothing was changed; "
        "3: entered, but it does not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("address", help="management address, IPv4 or IPv6")
        parser.add_argument("--site", default="")
        parser.add_argument("--api-user", default="", help="MikroTik only")
        parser.add_argument(
            "--counters",
            default="",
            choices=["", *Router.CounterSource.values],
            help="from where; left out: SNMP, and the API where SNMP fails and there is a user",
        )
        parser.add_argument("--api-port", type=int, default=8728)
        parser.add_argument("--api-tls", action="store_true")
        parser.add_argument("--snmp-port", type=int, default=161)
        parser.add_argument("--snmp-user", default="", help="of SNMPv3; without it v2c is used")
        parser.add_argument("--snmp-auth", default="", choices=["", "MD5", "SHA1", "SHA256"])
        parser.add_argument("--snmp-priv", default="", choices=["", "DES", "AES128"])
        parser.add_argument("--ping", default="icmp", choices=["icmp", "tcp", "off"])

    def handle(self, *args: Any, **options: Any) -> None:
        router = _router(options)
        try:
            operations.save(router, by=BY)
        except ValidationError as error:
            raise CommandError(_faults(error)) from error
        self.stdout.write(f"{router.name}: entered")
        try:
            diff = discovery.discover(router, by=BY)
        except ProtocolError as error:
            raise CommandError(f"{router.name}: {error.kind}: {error}", returncode=3) from error
        self.stdout.write(f"{router.name}: {_what(router)}")
        self.stdout.write(f"{router.name}: {diff.total} interfaces: {', '.join(diff.new)}")


def _what(router: Router) -> str:
    """ "Cisco C2960S, IOS 15.2(2a)E1", as far as it said."""
    pairs = ((router.vendor, router.board), (router.os_name, router.os_version))
    parts = [" ".join(word for word in pair if word) for pair in pairs]
    return ", ".join(part for part in parts if part) or "does not say what it is"


def _router(options: dict[str, Any]) -> Router:
    v3 = bool(options["snmp_user"])
    wanted = {
        "api_password": bool(options["api_user"]),
        "snmp_community": not v3,
        "snmp_auth_key": v3 and bool(options["snmp_auth"]),
        "snmp_priv_key": v3 and bool(options["snmp_priv"]),
    }
    secrets = {name: _secret(name) if is_wanted else "" for name, is_wanted in wanted.items()}
    return Router(
        name=options["name"],
        address=options["address"],
        site=options["site"],
        ping_method=options["ping"],
        counter_source=options["counters"] or _source(options),
        api_user=options["api_user"],
        api_port=options["api_port"],
        api_tls=options["api_tls"],
        snmp_port=options["snmp_port"],
        snmp_version=Router.SnmpVersion.V3 if v3 else Router.SnmpVersion.V2C,
        snmp_user=options["snmp_user"],
        snmp_auth_protocol=options["snmp_auth"],
        snmp_priv_protocol=options["snmp_priv"],
        **secrets,
    )


def _source(options: dict[str, Any]) -> str:
    source = Router.CounterSource
    return source.SNMP_THEN_API if options["api_user"] else source.SNMP


def _secret(name: str) -> str:
    given = os.environ.get(SECRETS[name])
    if given is not None:
        return given
    if not sys.stdin.isatty():
        return ""
    try:
        return getpass.getpass(f"{name.replace('_', ' ')} (empty: none): ")
    except EOFError:
        return ""


def _faults(error: ValidationError) -> str:
    faults = [
        " ".join(words) if field == NON_FIELD_ERRORS else f"{field}: {' '.join(words)}"
        for field, words in error.message_dict.items()
    ]
    return f"{' '.join(faults)} Nothing was changed."
