"""Who asks the socket for what is another tenant's is told of, as who asks for its pages."""

import pytest

from ispcore.accounts.models import Account, Tenant
from monitoring.models import Alert
from resellers.models import Reseller
from tests.live.conftest import Live, Page, session_of


def raised() -> list[tuple[str, str]]:
    """(subject, kind) of all security alerts."""
    rows = Alert.objects.filter(subject_kind="security").order_by("pk")
    return [(row.subject, row.fingerprint.split(":")[1]) for row in rows]


async def ask(page: Page, topic: str, key: str) -> bool:
    """Whether it is refused."""
    await page.say(subscribe=[[topic, key]])
    while "refused" not in (heard := await page.hear()):
        if "frames" in heard:
            return False
    return bool(heard["refused"] == [topic, key])


@pytest.fixture
def reseller(transactional_db: None, tenant_dhaka: Tenant) -> Reseller:
    return Reseller.objects.create(tenant=tenant_dhaka)


@pytest.fixture
def ctg_session(transactional_db: None, reseller_ctg: Account) -> str:
    return session_of(reseller_ctg)


@pytest.mark.parametrize("topic", ["my", "my-usage", "my-alerts", "alerts", "reseller"])
async def test_the_third_time_raises_an_alert(
    live: Live, reseller: Reseller, ctg_session: str, topic: str
) -> None:
    key = str(reseller.tenant_id if topic.endswith("alerts") else reseller.pk)
    page = await live.page(ctg_session)
    for _ in range(2):
        assert await ask(page, topic, key)
    assert await live.in_database(raised) == []
    assert await ask(page, topic, key)
    assert await live.in_database(raised) == [("reseller_ctg", "denied_tenant")]


async def test_what_is_nobodys_or_does_not_exist_is_no_attack(
    live: Live, ctg_session: str, tenant_ctg: Tenant
) -> None:
    page = await live.page(ctg_session)
    for topic, key in [
        *(("overview", ""), ("alerts", ""), ("alerts", str(tenant_ctg.pk)), ("no-such", "1")),
        *(("my-alerts", "999999"), ("my-alerts", "x"), ("my", "999999"), ("alerts", "999999")),
    ]:
        for _ in range(3):
            assert await ask(page, topic, key)
    assert not await ask(page, "my-alerts", str(tenant_ctg.pk))
    assert await live.in_database(raised) == []
