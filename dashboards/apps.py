from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class DashboardsConfig(AppConfig):
    name = "dashboards"
    default = True


class PortalAdminConfig(admin_apps.AdminConfig):
    """The stock admin with the portal's own site."""

    default = False
    default_site = "dashboards.site.PortalSite"
