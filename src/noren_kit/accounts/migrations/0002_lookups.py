"""Look-ups that precede the tenant: a caller's standing, and the tenants of a person."""

from django.db import migrations

from noren_kit.db.functions import lookup_function

_READS_ROLES = {
    "accounts_role": ["tenant_id", "id", "slug", "permissions", "deleted_at"],
    "accounts_membership": ["tenant_id", "id", "user_id", "deleted_at"],
    "accounts_membershiprole": ["tenant_id", "membership_id", "role_id"],
    "tenancy_tenant": [
        "id",
        "slug",
        "name",
        "status",
        "currency",
        "standard_tax_rate",
        "tax_rounding",
        "prices_include_tax",
        "locale",
        "time_zone",
    ],
}

# A superuser's p_named wins over the token's tenant; for everybody else it does not count here
# and the caller refuses it. No row: no access.
_STANDING = """
SELECT u.id, u.username, u.name, u.email, u.is_superuser, held.roles, held.permissions,
       t.id, t.slug, t.name, t.currency, t.standard_tax_rate, t.tax_rounding,
       t.prices_include_tax, t.locale, t.time_zone
  FROM public.accounts_user u
  JOIN public.accounts_signinsession s
    ON s.id = p_session AND s.user_id = u.id AND s.ended_at IS NULL AND s.expires_at > now()
  LEFT JOIN public.tenancy_tenant t
    ON t.id = coalesce(CASE WHEN u.is_superuser THEN p_named END, p_tenant)
   AND t.status = 'active'
  LEFT JOIN public.accounts_membership m
    ON m.tenant_id = t.id AND m.user_id = u.id AND m.deleted_at IS NULL
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
 WHERE u.id = p_user AND u.is_active
   AND (p_tenant IS NULL
        OR (u.is_superuser AND p_named IS NOT NULL)
        OR m.id IS NOT NULL)
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
 WHERE m.user_id = p_user AND m.deleted_at IS NULL
 ORDER BY t.name, t.id
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("tenancy", "0001_initial")]

    operations = [
        lookup_function(
            "noren_standing(p_user uuid, p_session uuid, p_tenant uuid, p_named uuid)",
            "TABLE (user_id uuid, username varchar, name varchar, email varchar,"
            " is_superuser boolean, roles text[], permissions text[], tenant_id uuid,"
            " tenant_slug varchar, tenant_name varchar, tenant_currency varchar,"
            " tenant_standard_tax_rate numeric, tenant_tax_rounding varchar,"
            " tenant_prices_include_tax boolean, tenant_locale varchar,"
            " tenant_time_zone varchar)",
            _STANDING,
            {
                **_READS_ROLES,
                "accounts_user": ["id", "username", "name", "email", "is_superuser", "is_active"],
                "accounts_signinsession": ["id", "user_id", "ended_at", "expires_at"],
            },
        ),
        lookup_function(
            "noren_affiliations(p_user uuid)",
            "TABLE (tenant_id uuid, tenant_name text, roles text[])",
            _AFFILIATIONS,
            _READS_ROLES,
        ),
    ]
