"""The portal's addresses and one more, which no table declares."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from ispcore.urls import urlpatterns as present


def page(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(str(pk))


urlpatterns = [path("admin/", include([path("new/<int:pk>/", page)])), *present]
