"""A small ISP in a portal's databases, by the portal's own operations: python -m tests.journey.isp.

Run with the portal's environment, since a test's own Django has other databases.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django


def make(network: list[dict[str, Any]]) -> None:
    """Routers with their resellers' VLANs, as `network` describes them."""
    from ispcore.base import clock
    from ispcore.base.audit import Actor
    from resellers.models import Plan
    from resellers.operations import mappings, plans, resellers
    from routers.models import Interface, Router
    from routers.operations import routers

    by = Actor("test")
    plan = plans.save(Plan(name="Dedicated 500", down_bps=500_000_000, up_bps=500_000_000), by=by)
    a_day_ago = clock.now() - timedelta(days=1)
    for each in network:
        vlans = each.pop("vlans")
        router = routers.save(Router(ping_method=Router.PingMethod.TCP, **each), by=by)
        for number, vlan in enumerate(vlans, start=1):
            interface = Interface.objects.create(
                router=router,
                name=vlan,
                index=0,  # the first discovery finds the real one
                if_type=135,
                first_seen_at=clock.now(),
                last_seen_at=clock.now(),
            )
            reseller = resellers.create(f"{router.name} {number}", plan=plan, by=by)
            mappings.add(reseller, interface=interface, started_at=a_day_ago, by=by)


def sleep(seconds: int) -> None:
    """Queue a job that only takes time."""
    from django_q.tasks import async_task

    async_task("time.sleep", seconds, q_options={"cluster": "default", "group": "sleep"})


def runs() -> dict[str, Any]:
    """What became of jobs: how often each (job, period) was really run, and what was lost."""
    from django_q.models import Failure, Success

    done = [
        f"{task.args[0]} {task.kwargs['due_at']}"
        for task in Success.objects.filter(func="ispcore.schedules.run")
        if task.result != "done already, or being done"
    ]
    lost = Failure.objects.values_list("group", "result")
    return {"runs": Counter(done), "lost": [[group, str(result)] for group, result in lost]}


def session() -> str:
    """The key of a session of the first administrator."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from ispcore.accounts.models import Account

    account = Account.objects.get(username="admin")
    store = SessionStore()
    store[SESSION_KEY] = str(account.pk)
    store[BACKEND_SESSION_KEY] = "ispcore.accounts.backend.RoleBackend"
    store[HASH_SESSION_KEY] = account.get_session_auth_hash()
    store.save()
    return str(store.session_key)


def change_plan(speeds_mbps: list[int]) -> None:
    """Move the first reseller to a plan of each of these speeds, four a second."""
    from ispcore.base.audit import Actor
    from resellers.models import Plan, Reseller
    from resellers.operations import plans

    by = Actor("test")
    reseller = Reseller.objects.order_by("pk")[0]
    for speed_mbps in speeds_mbps:
        bps = speed_mbps * 1_000_000
        plan = plans.save(Plan(name=f"{speed_mbps} Mbps", down_bps=bps, up_bps=bps), by=by)
        plans.change(reseller, plan=plan, by=by)
        time.sleep(0.25)


VERBS: dict[str, Callable[..., Any]] = {
    "make": make,
    "sleep": sleep,
    "runs": runs,
    "session": session,
    "change_plan": change_plan,
}

if __name__ == "__main__":
    django.setup()
    verb, *arguments = sys.argv[1:]
    said = VERBS[verb](*(json.loads(each) for each in arguments))
    sys.stdout.write(json.dumps(said))
