"""Forms of resellers, plans and mappings; bit rates are typed as people write them."""

from collections import defaultdict
from typing import Any, cast

from django import forms
from django.db.models import Exists, OuterRef, QuerySet
from django.forms.widgets import Script

from ispcore.accounts.pages import OperationForm, pk_of
from ispcore.base import units
from ispcore.base.form_fields import RateField
from ispcore.base.selects import LongSelect
from resellers.models import Mapping, Plan, Reseller
from routers.models import Interface, Router
from routers.queries import LOOPBACK

VLANS = (1, 4094)  # IEEE 802.1Q: 0 and 4095 are reserved
MOST_OFFERED = 500  # interfaces in one list; of more, those of one router are offered
PPP = 23  # ifType of a subscriber's session: comes and goes, and is never a reseller


class PlanForm(OperationForm):
    """What a reseller may use in each direction."""

    down_bps = RateField(label="Down", help_text="towards the reseller, like 200M or 1.5 Gbps")
    up_bps = RateField(label="Up", help_text="from the reseller")

    class Meta:
        model = Plan
        fields = ["name", "down_bps", "up_bps"]


class ResellerForm(OperationForm):
    """A reseller without its plan, which has a page of its own once the reseller is there."""

    name = forms.CharField(max_length=120)

    class Meta:
        model = Reseller
        fields = [
            *("contact", "phone", "email", "address", "notes", "status"),
            *("warning_percent", "critical_percent"),
        ]
        widgets = {"address": forms.Textarea(attrs={"rows": 2})}
        help_texts = {
            "warning_percent": "of the plan, from which on an alert is raised",
            "critical_percent": "of the plan; not below the warning",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "name" in self.fields:
            self.fields["name"].initial = self.instance.name
            self.initial.setdefault("name", self.instance.name)


class NewResellerForm(ResellerForm):
    """A new reseller, with its first plan if it has one."""

    plan = forms.ModelChoiceField(Plan.objects.all(), required=False, empty_label="no plan yet")

    class Meta(ResellerForm.Meta):
        fields = [*ResellerForm.Meta.fields, "plan"]


class PlanChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return plan_words(obj)


class PlanChangeForm(forms.Form):
    """Another plan for a reseller. `previewed` is what the last page showed."""

    plan = PlanChoice(Plan.objects.all(), required=False, empty_label="no plan", label="New plan")
    reason = forms.CharField(required=False, max_length=500, help_text="for the audit log")
    previewed = forms.CharField(required=False, widget=forms.HiddenInput)


def plan_words(plan: Plan | None) -> str:
    """ "Business 500: 500 Mbps down, 100 Mbps up"."""
    if plan is None:
        return "no plan"
    return (
        f"{plan.name}: {units.format_bps(plan.down_bps)} down, {units.format_bps(plan.up_bps)} up"
    )


class ThresholdsForm(OperationForm):
    """From which use of the plan on alerts are raised."""

    class Meta:
        model = Reseller
        fields = ["warning_percent", "critical_percent"]
        help_texts = {
            "warning_percent": "percent of the plan in the fuller direction",
            "critical_percent": "not below the warning",
        }


class InterfaceSelect(LongSelect):
    """Each choice carries the VLAN that is suggested for it; static/ispcore/vlan.js fills it in."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"data-fills-vlan": True} | (attrs or {}))
        self.vlans: dict[int, int] = {}

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        vlan = self.vlans.get(value) if isinstance(value, int) else None
        if vlan is not None:
            option["attrs"]["data-vlan"] = str(vlan)
        return option


class InterfaceChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Interfaces that are there and not mapped, grouped by router."""

    widget = InterfaceSelect

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Interface.objects.select_related("router"), **kwargs)

    def offer(self, router_id: int | None) -> bool:
        """Fill the list; what is posted may be any interface that is seen, and the operation
        judges it.

        Returns whether all would be too many, so that only the router's own are in it, if any.
        """
        every = cast("QuerySet[Interface]", self.queryset)
        mapped = Mapping.objects.filter(interface=OuterRef("pk"), ended_at=None)
        free = every.filter(~Exists(mapped), gone_at=None).exclude(if_type__in=(LOOPBACK, PPP))
        are_many = free[: MOST_OFFERED + 1].count() > MOST_OFFERED
        if are_many:
            free = free.filter(router=router_id or 0)
        shown = ("name", "alias", "vlan_id", "vlan_by_name", "router__name")
        groups: dict[str, list[tuple[Any, str]]] = defaultdict(list)
        vlans: dict[int, int] = {}
        for interface in free.only(*shown).order_by("router__name", "index"):
            vlan = interface.vlan_id or interface.vlan_by_name
            if vlan is not None:
                vlans[interface.pk] = vlan
            groups[interface.router.name].append((interface.pk, interface_words(interface)))
        self.choices = [("", "choose an interface"), *groups.items()]
        cast(InterfaceSelect, self.widget).vlans = vlans
        return are_many


def interface_words(interface: Interface) -> str:
    parts = [interface.name]
    if interface.vlan_id:
        parts.append(f"VLAN {interface.vlan_id}")
    elif interface.vlan_by_name:
        parts.append(f"VLAN {interface.vlan_by_name} by its name")
    if interface.alias:
        parts.append(interface.alias)
    return " · ".join(parts)


class MappingForm(OperationForm):
    """Which interface carries a reseller."""

    router = forms.ModelChoiceField(
        Router.objects.only("name"),
        required=False,
        empty_label="choose the router first",
        help_text="the page then offers its interfaces",
        widget=LongSelect(attrs={"data-reloads": True}),
    )
    interface = InterfaceChoice(help_text="interfaces that nobody is mapped to, by router")
    vlan_id = forms.IntegerField(
        label="VLAN",
        required=False,
        help_text="1 to 4094; empty takes the router's own number, or none for an untagged port. "
        "A number that the interface's name suggests is yours to check",
    )

    class Meta:
        model = Mapping
        fields = ["reseller", "router", "interface", "vlan_id", "carries", "side"]

    class Media:
        js = (Script("ispcore/vlan.js", type="module"),)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("interface")
        if isinstance(field, InterfaceChoice) and self.instance.pk is None:
            asked = str(self.data.get("router") or self.initial.get("router") or "")
            if not field.offer(pk_of(asked) or None):
                self.fields["router"].widget = forms.HiddenInput()

    def clean_vlan_id(self) -> int | None:
        vlan_id: int | None = self.cleaned_data["vlan_id"]
        if vlan_id is not None and not VLANS[0] <= vlan_id <= VLANS[1]:
            raise forms.ValidationError(
                f"VLAN {vlan_id} is impossible: a VLAN id lies between {VLANS[0]} and {VLANS[1]}."
            )
        return vlan_id

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        interface = cleaned.get("interface")
        cleaned["router"] = interface.router if interface else None
        if interface and cleaned.get("vlan_id") is None and "vlan_id" not in self.errors:
            cleaned["vlan_id"] = interface.vlan_id
        return cleaned

    def _post_clean(self) -> None:
        """The router comes with the interface; the operation checks what is taken, by name."""
        interface = self.cleaned_data.get("interface")
        if interface is not None:
            self.instance.router = interface.router
        super()._post_clean()  # type: ignore[misc]

    def validate_constraints(self) -> None:
        """Left to the operation, which says who has the interface or the VLAN."""


class EndMappingForm(forms.Form):
    reason = forms.CharField(required=False, max_length=500, help_text="for the audit log")
