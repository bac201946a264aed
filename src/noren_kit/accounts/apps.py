from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "noren_kit.accounts"
    label = "accounts"
    verbose_name = "Accounts"
