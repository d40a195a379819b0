"""All URLs: staff have /admin/, a tenant's people /my/, other systems /api/."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from dashboards.doors import home
from dashboards.my.site import my_site
from ispcore import api
from ispcore.health import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("health/", health, name="health"),
    path("api/", include(api.identity)),
    path("api/", include(api.router.urls)),
    path("account/", include("ispcore.accounts.urls")),
    path("admin/", admin.site.urls),
    path("my/", my_site.urls),
    path("", home, name="home"),
]
