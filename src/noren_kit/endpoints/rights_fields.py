"""Serializer fields of what may be granted: rights by codename, roles by slug, networks."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from noren_kit.api.fields import StringField
from noren_kit.api.registry import known_rights

MAX_RIGHTS, MAX_ROLES, MAX_NETWORKS = 500, 50, 50
_CIDR = re.compile(r"[0-9A-Fa-f:.]{2,45}/[0-9]{1,3}\Z")
_CIDR_SCHEMA = {"type": "string", "pattern": r"^[0-9A-Fa-f:.]{2,45}/[0-9]{1,3}$"}


class RightsField(serializers.ListField):
    """Codenames of rights that exist, each once and in order; unknown ones by their index."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=StringField(max_length=100), max_length=MAX_RIGHTS, **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        if isinstance(data, list) and len(data) > MAX_RIGHTS:
            self.fail("max_length", max_length=MAX_RIGHTS)
        codenames = super().to_internal_value(data)
        fault = [ErrorDetail(str(_("There is no such right.")), "unknown")]
        known = known_rights()
        unknown = {str(at): fault for at, name in enumerate(codenames) if name not in known}
        if unknown:
            raise serializers.ValidationError(unknown)
        return sorted(set(codenames))


class RoleSlugsField(serializers.ListField):
    """Slugs of the tenant's roles, at least one; which there are, the service judges."""

    def __init__(self, **kwargs: Any) -> None:
        child = StringField(max_length=50)
        super().__init__(child=child, allow_empty=False, max_length=MAX_ROLES, **kwargs)


@extend_schema_field(_CIDR_SCHEMA)
class NetworkField(StringField):
    """An IPv4 or IPv6 network as address and prefix length (RFC 4632, RFC 4291, section 2.3)."""

    default_error_messages = {
        "network": _("Give a network such as 192.0.2.0/24 or 2001:db8::/32."),
        "host_bits": _("The address has bits past the network's prefix."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "trim_whitespace": False})

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not _CIDR.match(text):
            self.fail("network")
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            self.fail("network")
        if ipaddress.ip_interface(text).ip != network.network_address:
            self.fail("host_bits")
        return str(network)
