from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "ispcore.demo"
    label = "demo"
