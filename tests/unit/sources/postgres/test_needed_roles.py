"""The roles that a dump needs are those that it names as owners and grantees, and nothing that only looks so."""

import pytest

from fleetsave.sources.postgres.needed_roles import created_roles, needed_roles

DUMP = rb"""--
-- PostgreSQL database dump
--

\restrict key

--
-- Name: players; Type: TABLE; Schema: public; Owner: alice
--

CREATE TABLE public.players (name text);


ALTER TABLE public.players OWNER TO alice;

--
-- Name: f(integer); Type: FUNCTION; Schema: public; Owner: o'Brien "x"; Tablespace: fast
--

CREATE FUNCTION public.f(by integer) RETURNS void LANGUAGE sql AS $$
GRANT ALL ON TABLE x TO nobody;
-- Name: x; Type: ACL; Schema: public; Owner: feigned
$$;

--
-- Name: guarded seen; Type: POLICY; Schema: public; Owner: alice
--

CREATE POLICY seen ON public.guarded FOR SELECT TO carol, "Dave D" USING ((y = 'TO zed'::text));


--
-- Name: USER MAPPING gina SERVER there; Type: USER MAPPING; Schema: -; Owner: postgres
--

CREATE USER MAPPING FOR gina SERVER there;

--
-- Data for Name: players; Type: TABLE DATA; Schema: public; Owner: alice
--

COPY public.players (name) FROM stdin;
GRANT ALL ON TABLE x TO somebody;
--
-- Name: a; Type: TABLE; Schema: public; Owner: in_the_data
\.


--
-- Data for Name: empty; Type: TABLE DATA; Schema: public; Owner: alice
--

COPY public.empty  FROM stdin;
\.


--
-- Name: TABLE players; Type: ACL; Schema: public; Owner: alice
--

SET SESSION AUTHORIZATION heidi;
GRANT SELECT,INSERT ON TABLE public."TO" TO bob WITH GRANT OPTION;
RESET SESSION AUTHORIZATION;
REVOKE ALL ON TABLE public.players FROM PUBLIC;
GRANT SELECT(name) ON TABLE public.players TO "Quo""ted" GRANTED BY ivan;

--
-- Name: DEFAULT PRIVILEGES FOR TABLES; Type: DEFAULT ACL; Schema: public; Owner: erin
--

ALTER DEFAULT PRIVILEGES FOR ROLE erin IN SCHEMA public GRANT SELECT ON TABLES TO frank;
"""
NEEDED = {
    "alice", 'o\'Brien "x"', "carol", "Dave D", "gina", "postgres", "heidi", "bob", 'Quo"ted', "ivan", "erin", "frank",
}  # fmt: skip


@pytest.mark.parametrize("size", [1, 3, 50, 1 << 20])
def test_every_role_that_is_needed_is_found_however_the_text_is_cut(size: int) -> None:
    assert needed_roles((DUMP[start : start + size] for start in range(0, len(DUMP), size)), "utf-8") == NEEDED


def test_a_text_without_anything_needs_nobody() -> None:
    assert needed_roles(iter([b""]), "utf-8") == set()


def test_names_are_read_in_the_dumps_encoding() -> None:
    text = "--\n-- Name: a; Type: TABLE; Schema: public; Owner: J\u00fcrgen\n--\n".encode("cp1252")
    assert needed_roles(iter([text]), "cp1252") == {"J\u00fcrgen"}


def test_the_roles_that_globals_make_are_their_names() -> None:
    statements = [b"CREATE ROLE alice", b'CREATE ROLE "B ""x"""', b"ALTER ROLE carol WITH LOGIN", b"CREATE TABLESPACE fast"]
    assert created_roles(statements) == {"alice", 'B "x"'}
