# ruff: noqa: S608  constant names
"""Look-ups that precede the tenant, for API keys, invitations and the log of failed sign-ins."""

from importlib import import_module

from django.db import migrations

from noren_kit.db.functions import audit_function, lookup_function, without

_MADE_BEFORE = import_module("noren_kit.accounts.migrations.0002_lookups").Migration.operations

_TENANT = [
    ("id", "uuid"),
    ("slug", "varchar"),
    ("name", "varchar"),
    ("currency", "varchar"),
    ("standard_tax_rate", "numeric"),
    ("tax_rounding", "varchar"),
    ("prices_include_tax", "boolean"),
    ("locale", "varchar"),
    ("time_zone", "varchar"),
    ("requests_per_hour", "integer"),
]
_TENANT_VALUES = ", ".join(f"t.{name}" for name, _type in _TENANT)
_TENANT_RESULTS = ", ".join(f"tenant_{name} {type_}" for name, type_ in _TENANT)
_PERSON_RESULTS = (
    "user_id uuid, username varchar, name varchar, email varchar, is_superuser boolean,"
    " roles text[], permissions text[]"
)
_READS = {
    "accounts_role": ["tenant_id", "id", "slug", "permissions", "deleted_at"],
    "accounts_membership": ["tenant_id", "id", "user_id", "deleted_at", "accepted_at"],
    "accounts_membershiprole": ["tenant_id", "membership_id", "role_id"],
    "accounts_user": ["id", "username", "name", "email", "is_superuser", "is_active"],
    "tenancy_tenant": [*(name for name, _type in _TENANT), "status"],
}

# What the roles of membership `m` amount to.
_HELD = """
  LEFT JOIN LATERAL (
       SELECT array_agg(DISTINCT r.slug::text) AS roles,
              array_agg(DISTINCT p.codename::text) FILTER (WHERE p.codename IS NOT NULL)
                  AS permissions
         FROM public.accounts_membershiprole h
         JOIN public.accounts_role r
           ON r.tenant_id = h.tenant_id AND r.id = h.role_id AND r.deleted_at IS NULL
         LEFT JOIN LATERAL unnest(r.permissions) AS p(codename) ON true
        WHERE h.tenant_id = m.tenant_id AND h.membership_id = m.id
       ) held ON true
"""

# A superuser's p_named wins over the token's tenant; for everybody else it does not count here
# and the caller refuses it. No row: no access.
_STANDING = f"""
SELECT u.id, u.username, u.name, u.email, u.is_superuser, held.roles, held.permissions,
       {_TENANT_VALUES}
  FROM public.accounts_user u
  JOIN public.accounts_signinsession s
    ON s.id = p_session AND s.user_id = u.id AND s.ended_at IS NULL AND s.expires_at > now()
  LEFT JOIN public.tenancy_tenant t
    ON t.id = coalesce(CASE WHEN u.is_superuser THEN p_named END, p_tenant)
   AND t.status = 'active'
  LEFT JOIN public.accounts_membership m
    ON m.tenant_id = t.id AND m.user_id = u.id AND m.deleted_at IS NULL
   AND m.accepted_at IS NOT NULL
{_HELD}
 WHERE u.id = p_user AND u.is_active
   AND (p_tenant IS NULL
        OR (u.is_superuser AND p_named IS NOT NULL)
        OR m.id IS NOT NULL)
"""

# A key is as good as its maker's membership. The digest is of 256 random bits, so comparing it
# tells a stranger nothing.
_KEY_STANDING = f"""
SELECT u.id, u.username, u.name, u.email, false, held.roles, held.permissions,
       {_TENANT_VALUES},
       k.id, k.scopes::text[],
       coalesce(k.last_used_at < now() - interval '1 minute', true)
  FROM public.accounts_apikey k
  JOIN public.tenancy_tenant t ON t.id = k.tenant_id AND t.status = 'active'
  JOIN public.accounts_membership m
    ON m.tenant_id = k.tenant_id AND m.user_id = k.created_by_id AND m.deleted_at IS NULL
   AND m.accepted_at IS NOT NULL
  JOIN public.accounts_user u ON u.id = m.user_id AND u.is_active
{_HELD}
 WHERE k.prefix = p_prefix AND k.deleted_at IS NULL
   AND (k.digest = p_digest OR (k.previous_digest = p_digest AND k.previous_expires_at > now()))
   AND coalesce(k.expires_at > now(), true)
   AND (cardinality(k.networks) = 0
        OR EXISTS (SELECT FROM unnest(k.networks) AS n(network) WHERE p_address <<= n.network::inet))
"""

_AFFILIATIONS = """
SELECT t.id, t.name::text,
       coalesce((SELECT array_agg(r.slug::text ORDER BY r.slug)
                   FROM public.accounts_membershiprole h
                   JOIN public.accounts_role r
                     ON r.tenant_id = h.tenant_id AND r.id = h.role_id
                    AND r.deleted_at IS NULL
                  WHERE h.tenant_id = m.tenant_id AND h.membership_id = m.id), '{}')
  FROM public.accounts_membership m
  JOIN public.tenancy_tenant t ON t.id = m.tenant_id AND t.status = 'active'
 WHERE m.user_id = p_user AND m.deleted_at IS NULL AND m.accepted_at IS NOT NULL
 ORDER BY t.name, t.id
"""

_INVITATIONS = """
SELECT m.id, m.created_at, t.id, t.name::text
  FROM public.accounts_membership m
  JOIN public.tenancy_tenant t ON t.id = m.tenant_id AND t.status = 'active'
 WHERE m.user_id = p_user AND m.deleted_at IS NULL AND m.accepted_at IS NULL
 ORDER BY m.created_at, m.id
"""

_RECORD_OF = """
INSERT INTO public.audit_accessentry (tenant_id, id, kind, occurred_at, actor_id, actor_name,
                                      credential_id, address, request_id, details)
SELECT a.tenant_id, p_id, p_kind, now(), p_actor, p_actor_name, p_credential, p_address,
       p_request, p_details
  FROM public.noren_affiliations(p_actor) a
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_api_keys"), ("audit", "0001_initial")]

    operations = [
        *(without(operation) for operation in _MADE_BEFORE),
        lookup_function(
            "noren_standing(p_user uuid, p_session uuid, p_tenant uuid, p_named uuid)",
            f"TABLE ({_PERSON_RESULTS}, {_TENANT_RESULTS})",
            _STANDING,
            {**_READS, "accounts_signinsession": ["id", "user_id", "ended_at", "expires_at"]},
        ),
        lookup_function(
            "noren_key_standing(p_prefix text, p_digest text, p_address inet)",
            f"TABLE ({_PERSON_RESULTS}, {_TENANT_RESULTS},"
            " key_id uuid, scopes text[], use_is_due boolean)",
            _KEY_STANDING,
            {
                "accounts_apikey": [
                    "tenant_id",
                    "id",
                    "created_by_id",
                    "prefix",
                    "digest",
                    "previous_digest",
                    "previous_expires_at",
                    "scopes",
                    "networks",
                    "expires_at",
                    "last_used_at",
                    "deleted_at",
                ]
            },
        ),
        lookup_function(
            "noren_affiliations(p_user uuid)",
            "TABLE (tenant_id uuid, tenant_name text, roles text[])",
            _AFFILIATIONS,
            {},
        ),
        lookup_function(
            "noren_invitations(p_user uuid)",
            "TABLE (membership_id uuid, invited_at timestamptz, tenant_id uuid, tenant_name text)",
            _INVITATIONS,
            {"accounts_membership": ["created_at"]},
        ),
        audit_function(
            "noren_record_access_of(p_kind text, p_id uuid, p_actor uuid, p_actor_name text,"
            " p_credential uuid, p_address text, p_request text, p_details jsonb)",
            _RECORD_OF,
            calls=["noren_affiliations(uuid)"],
        ),
    ]
