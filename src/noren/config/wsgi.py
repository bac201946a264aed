"""The WSGI entry point; refuses to serve with a privileged database role."""

import os

from noren_kit.api.wsgi import get_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "noren.config.settings.production")
application = get_application()

from noren_kit.tenancy.startup import refuse_privileged_role  # noqa: E402

refuse_privileged_role()
