from noren_kit.testing.contract import ResourceContract


class TestSupplier(ResourceContract):
    path, create, update = "suppliers", {"code": "acme", "name": "Acme"}, {"name": "Acme KK"}
