"""A container's health check without curl: exit code 0 if the web process is alive."""

import http.client
import os
import sys

HOST = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".")

connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=4)
try:
    connection.request("GET", "/health/live/", headers={"Host": HOST})
    status = connection.getresponse().status
except OSError as error:
    print(error, file=sys.stderr)
    status = 0
sys.exit(0 if status == 200 else 1)
