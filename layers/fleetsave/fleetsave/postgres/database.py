"""A database itself, as statements: what a dump of its content leaves out, so that it can be made again under any name."""

from collections.abc import Iterator

from fleetsave.model.dumps import DatabaseProperties
from fleetsave.postgres.names import identifier, literal

GRANT_OPTION = " with grant option"
SECTION = "\n-- The database itself:"
"""What stands between the roles and tablespaces, and the rest of the object beside a dump."""


def create_statement(name: str, properties: DatabaseProperties) -> str:
    """Return what creates the database, empty, with its encoding and locale; PostgreSQL 15 and later."""
    words = [f"CREATE DATABASE {identifier(name)} TEMPLATE template0 ENCODING {literal(properties.encoding)}"]
    words.append(f"LOCALE_PROVIDER {properties.provider}")
    words.append(f"LC_COLLATE {literal(properties.collate)} LC_CTYPE {literal(properties.ctype)}")
    if properties.provider == "icu" and properties.locale:
        words.append(f"ICU_LOCALE {literal(properties.locale)}")
        if properties.icu_rules:
            words.append(f"ICU_RULES {literal(properties.icu_rules)}")
    elif properties.provider == "builtin" and properties.locale:
        words.append(f"BUILTIN_LOCALE {literal(properties.locale)}")
    return " ".join(words)


def property_statements(name: str, properties: DatabaseProperties) -> Iterator[str]:
    """Yield what gives a database its owner, limit, settings and grants; the roles must be there."""
    database = identifier(name)
    yield f"ALTER DATABASE {database} OWNER TO {identifier(properties.owner)}"
    if properties.connection_limit != -1:
        yield f"ALTER DATABASE {database} CONNECTION LIMIT {properties.connection_limit}"
    for setting in properties.settings:
        yield f"ALTER DATABASE {database} {setting}"
    for role, setting in properties.role_settings:
        yield f"ALTER ROLE {identifier(role)} IN DATABASE {database} {setting}"
    if not properties.public_may_connect:
        yield f"REVOKE ALL ON DATABASE {database} FROM PUBLIC"
    for privilege, role in properties.grants:
        option = " WITH GRANT OPTION" if privilege.endswith(GRANT_OPTION) else ""
        grantee = identifier(role) if role else "PUBLIC"
        yield f"GRANT {privilege.removesuffix(GRANT_OPTION)} ON DATABASE {database} TO {grantee}{option}"


def section(name: str, properties: DatabaseProperties) -> str:
    """Return the database itself as the end of the object beside its dump: as comments, for it must not change a live one.

    Who restores to a new server takes the dashes away.
    """
    statements = [create_statement(name, properties), *property_statements(name, properties)]
    lines = "\n".join(f"{statement};" for statement in statements).splitlines()
    return "\n".join([SECTION, *(f"-- {line}" for line in lines), ""])
