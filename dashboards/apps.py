from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class DashboardsConfig(AppConfig):
    name = "dashboards"


class PortalAdminConfig(AdminConfig):
    """The stock admin with the portal's own site."""

    default_site = "dashboards.site.PortalSite"
