"""The portal's admin site."""

from django.contrib import admin


class PortalSite(admin.AdminSite):
    site_header = site_title = "ISPCore"
