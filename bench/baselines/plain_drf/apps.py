"""The one application of the project."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = "plain_drf"
    label = "shop"
    default_auto_field = "django.db.models.BigAutoField"
