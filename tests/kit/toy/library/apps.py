from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "toy.library"
    label = "library"
