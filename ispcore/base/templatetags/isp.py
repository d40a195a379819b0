"""What templates and list columns write numbers, ages, states and small drawings with.

Marks that need geometry (meters, sparklines) are SVG with plain attributes: no inline style, so
the content policy stays strict, and they print as they look.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

from django import template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ispcore.base import clock, form_tokens, request_ids, units

register = template.Library()

MINUS = "\u2212"
METER_TOP = 125  # a meter runs to 125 %, so that use beyond the plan is seen as such
SPARK_HEAD_ROOM = 1.05  # the highest value does not touch the edge
NO_WORD = SafeString('<i class="none">unknown</i>')
_ICON_OF_KIND = {"warning": "medium", "calm": "ok"}


@register.simple_tag(takes_context=True)
def once(context: dict[str, Any]) -> SafeString:
    """The token of a form that is done once, however often it is sent."""
    token = form_tokens.token_of(context["request"]) or uuid4()
    return format_html('<input type="hidden" name="{}" value="{}">', form_tokens.FIELD, token)


# --- marks -----------------------------------------------------------------------------------
@register.simple_tag
@cache
def icon(name: str, css_class: str = "") -> SafeString:
    """One symbol of static/ispcore/icons.svg; the word that says the same stands beside it."""
    return format_html(
        '<svg class="i i-{}{}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        name,
        f" {css_class}" if css_class else "",
        static("ispcore/icons.svg"),
        _ICON_OF_KIND.get(name, name),
    )


@register.simple_tag
def chip(kind: str, word: str) -> SafeString:
    """A boxed state: one per page title. `plain` has no icon."""
    mark = SafeString("") if kind == "plain" else icon(kind)
    return format_html('<span class="chip {}">{}{}</span>', kind, mark, word)


@register.simple_tag
def state(kind: str, word: str) -> SafeString:
    """A state in a table: icon and word without a box."""
    return format_html('<span class="state {}">{}{}</span>', kind, icon(kind), word)


@register.simple_tag
def meter(
    percent: float | None,
    warning: float = 80,
    critical: float = 100,
    label: str = "of plan",
    history: bool = False,
) -> SafeString:
    """A bar from 0 to 125 % with notches at `warning` and `critical` (percent).

    `history` is for what is past: amber above the warning level, never red.
    """
    if percent is None:
        return format_html(
            '<svg class="meter none" viewBox="0 0 {0} 6" preserveAspectRatio="none" role="img" '
            'aria-label="unknown"><rect class="track" width="{0}" height="6"></rect></svg>',
            METER_TOP,
        )
    kind = level(percent, warning, critical)
    if history:
        kind = "calm" if kind == "calm" else "warning"
    words = {"critical": "critical", "warning": "above the warning level", "calm": "normal"}[kind]
    notches = format_html_join(
        "",
        '<rect class="tick" x="{}" width="1" height="6"></rect>',
        [(_plain(at),) for at in sorted({warning, critical}) if 0 < at < METER_TOP],
    )
    return format_html(
        '<svg class="meter {}" viewBox="0 0 {top} 6" preserveAspectRatio="none" role="img" '
        'aria-label="{} {}, {}"><rect class="track" width="{top}" height="6"></rect>'
        '<rect class="fill" width="{}" height="6"></rect>{}</svg>',
        kind,
        units.format_percent(percent),
        label,
        words,
        _plain(min(max(percent, 0), METER_TOP)),
        notches,
        top=METER_TOP,
    )


@register.simple_tag
def level(percent: float | None, warning: float = 80, critical: float = 100) -> str:
    """critical, warning, calm or unknown."""
    if percent is None:
        return "unknown"
    return "critical" if percent >= critical else "warning" if percent >= warning else "calm"


@register.simple_tag
def spark(values: Sequence[float | None], width: int = 96, height: int = 20) -> SafeString:
    """A line of `values` at equal steps, base zero, gaps (None) left open."""
    known = [value for value in values if value is not None]
    if not known:
        return SafeString('<span class="spark none">no data</span>')
    top = max(known) * SPARK_HEAD_ROOM or 1
    step = width / max(len(values) - 1, 1)
    points = [
        None if v is None else (round(n * step, 1), round(height - 1 - v / top * (height - 2), 1))
        for n, v in enumerate(values)
    ]
    return format_html(
        '<svg class="spark" viewBox="0 0 {0} {1}" width="{0}" height="{1}" '
        'preserveAspectRatio="none" aria-hidden="true" focusable="false">{2}</svg>',
        width,
        height,
        SafeString("".join(_run_shapes(run, height) for run in _runs(points))),
    )


def _runs(points: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    """The stretches of `points` between gaps."""
    runs: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is not None:
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _run_shapes(run: Sequence[tuple[float, float]], height: int) -> str:
    """Area and line of one stretch; a single sample is drawn one unit wide, to be seen at all."""
    if len(run) == 1:
        run = [run[0], (run[0][0] + 1, run[0][1])]
    line = " ".join(f"{x},{y}" for x, y in run)
    return (
        f'<polygon class="area" points="{run[0][0]},{height} {line} {run[-1][0]},{height}"/>'
        f'<polyline class="line" points="{line}"/>'
    )


def _plain(value: float) -> str:
    """A number for an SVG attribute: at most two decimals, no trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


# --- numbers ---------------------------------------------------------------------------------
@register.filter
def bps(value: float | None) -> SafeString:
    """412000000 as `<b>412</b> <i>Mbps</i>`; None as "unknown"."""
    return NO_WORD if value is None else _number_unit(*units.scaled(value, "bps"))


@register.filter
def octets(value: float | None) -> SafeString:
    return NO_WORD if value is None else _number_unit(*units.scaled(value, "B"))


@register.filter
def percent(value: float | None) -> str:
    return units.format_percent(value)


@register.filter
def change_percent(value: float | None) -> str:
    """A difference with its sign: "+12 %", "-6 %" with a true minus; None as "unknown"."""
    if value is None:
        return "unknown"
    sign = "+" if value >= 0.5 else MINUS if value <= -0.5 else "±"
    return f"{sign}{abs(value):.0f}{units.NBSP}%"


@register.filter
def number(value: float | None) -> SafeString | str:
    """A count with thousands separators."""
    return NO_WORD if value is None else f"{value:,}".replace("-", MINUS)


@register.filter
def bps_of(value: float | None, plan_bps: float | None) -> SafeString:
    """`<b>538</b> <i>of 500 Mbps</i>`: both in the unit of the plan."""
    if plan_bps is None:
        return format_html("{} <i>no limit</i>", bps(value))
    if value is None:
        return format_html("{} <i>of {}</i>", NO_WORD, limit(plan_bps))
    shown = units.significant(value / _unit_size(plan_bps))
    return format_html("<b>{}</b> <i>of {}</i>", shown, limit(plan_bps))


@register.filter
def limit(value: float | None) -> str:
    """A plan or a port's speed: "500 Mbps", "10 Gbps", "2.5 Gbps"; None as "no limit"."""
    if value is None:
        return "no limit"
    figure, unit = units.scaled(value, "bps")
    if "." in figure:
        figure = figure.rstrip("0").rstrip(".")
    return f"{figure}{units.NBSP}{unit}"


def _unit_size(bps_value: float) -> float:
    size = 1.0
    while abs(bps_value) / size >= 999.5:
        size *= 1000
    return size


def _number_unit(figure: str, unit: str) -> SafeString:
    return format_html("<b>{}</b>{}<i>{}</i>", figure, units.NBSP, unit)


# --- time ------------------------------------------------------------------------------------
@register.filter
def ago(at: datetime | None) -> SafeString:
    """The age of `at`, which the page keeps counting; the exact time in the ISP's zone on hover."""
    if at is None:
        return SafeString('<i class="none">never</i>')
    age = units.format_duration(clock.now() - at)
    return format_html(
        '<time data-age datetime="{}" title="{}">{}</time>', _iso(at), exact_time(at), age
    )


@register.filter
def clock_time(at: datetime | None) -> SafeString:
    """21:30:04 in the ISP's zone, with the day on another day than today."""
    if at is None:
        return SafeString('<i class="none">never</i>')
    local = at.astimezone(clock.isp_zone())
    today = clock.isp_date(at) == clock.isp_date(clock.now())
    shown = f"{local:%H:%M:%S}" if today else f"{local.day} {local:%b %H:%M}"
    return format_html('<time datetime="{}" title="{}">{}</time>', _iso(at), exact_time(at), shown)


@register.filter
def minute(at: datetime | None) -> SafeString:
    """As clock_time, without the seconds."""
    if at is None:
        return SafeString('<i class="none">never</i>')
    local = at.astimezone(clock.isp_zone())
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', _iso(at), exact_time(at), f"{local:%H:%M}"
    )


@register.filter
def exact_time(at: datetime) -> str:
    """Fri 20 Nov 2026, 21:17:05 Asia/Dhaka."""
    zone = clock.isp_zone()
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S} {zone.key}"


@register.filter
def last_day(ends_at: datetime) -> str:
    """31 Dec 2026: the last day of what ends then. Midnight still belongs to the day before it."""
    last = (ends_at - timedelta(microseconds=1)).astimezone(clock.isp_zone())
    return f"{last.day} {last:%b %Y}"


@register.filter
def duration(span: timedelta | float | None) -> str:
    """Two units at most from a timedelta or from seconds; None as "unknown"."""
    if span is None:
        return "unknown"
    return units.format_duration(span if isinstance(span, timedelta) else timedelta(seconds=span))


@register.filter
def took(milliseconds: float | None) -> str:
    """112 ms, 1.9 s, < 0.1 ms; None as "no answer"."""
    if milliseconds is None:
        return "no answer"
    if milliseconds < 0.05:
        return f"<{units.NBSP}0.1{units.NBSP}ms"
    if milliseconds < 1000:
        digits = 1 if milliseconds < 10 else 0
        return f"{milliseconds:.{digits}f}{units.NBSP}ms"
    return f"{milliseconds / 1000:.1f}{units.NBSP}s"


@register.simple_tag
def stale_after(at: datetime | None, period_s: float | None) -> SafeString:
    """The attribute by which a value marks itself as old: after twice its period."""
    if at is None or not period_s:
        return SafeString("")
    limit_ms = int((at.timestamp() + 2 * period_s) * 1000)
    return format_html('data-stale-after="{}"', limit_ms)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@register.filter
def phone_digits(text: str) -> str:
    """What goes behind `tel:`: digits and a leading plus."""
    return "".join(c for c in text if c.isdigit() or c == "+")


@register.simple_tag
def request_id() -> str:
    """The id of this request, by which the log and the audit log are searched."""
    return request_ids.current()


@register.simple_tag
def plural(count: int, one: str, many: str = "") -> str:
    """ "1 router", "3 routers": the number with its noun."""
    return f"{count:,}{units.NBSP}{one if count == 1 else many or one + 's'}"


__all__ = ["ago", "bps", "chip", "clock_time", "duration", "icon", "meter", "spark", "state"]
