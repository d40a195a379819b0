from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps

# Their stock pages come with actions that ask for no permission (django-q's runs a task again),
# and groups mean nothing here: what an account may do follows from its role.
NOT_OURS = ("auth", "django_q", "account", "mfa", "usersessions")


class DashboardsConfig(AppConfig):
    name = "dashboards"
    default = True


class PortalAdminConfig(admin_apps.AdminConfig):
    """The stock admin with the portal's own site, and the portal's own models only."""

    default = False
    default_site = "dashboards.site.PortalSite"

    def ready(self) -> None:
        super().ready()
        from django.contrib import admin

        foreign = [model for model in admin.site._registry if model._meta.app_label in NOT_OURS]
        admin.site.unregister(foreign)
