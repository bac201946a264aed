from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "noren_kit.search"
    label = "search"
    verbose_name = "Search"
