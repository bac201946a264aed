"""The WSGI entry point; refuses to serve where that would not be safe."""

import os

from noren_kit.api.wsgi import get_application
from noren_kit.observability.tracing import traced

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "noren.config.settings.production")
application = traced(get_application())

from django.conf import settings  # noqa: E402

from noren.config.variables import TABLE  # noqa: E402
from noren_kit.db.router import REPLICA_ALIAS  # noqa: E402
from noren_kit.tenancy.replica import VARIABLE  # noqa: E402
from noren_kit.tenancy.startup import refuse_unsafe_database  # noqa: E402

if settings.REFUSE_UNSAFE:
    TABLE.refuse_unsafe(os.environ, process="web")
refuse_unsafe_database()
if REPLICA_ALIAS in settings.DATABASES:
    refuse_unsafe_database(REPLICA_ALIAS, variable=VARIABLE, migrated=False)
