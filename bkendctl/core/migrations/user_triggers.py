"""What keeps counts and search index of users: triggers, so that no writer can forget them (ADR 0018).

Part of migration 0006 and frozen with it: a change is a new migration.
"""

from __future__ import annotations


def _state(row: str) -> str:
    """In which state a row is counted; a ban that ends apart: whether it runs depends on the time."""
    return (
        f"CASE WHEN {row}deleted_at IS NOT NULL THEN 'deleted' WHEN {row}banned_at IS NULL THEN 'active' "
        f"WHEN {row}banned_until IS NULL THEN 'banned' ELSE 'expiring' END"
    )


_COUNTED = "environment_id, role, deleted_at, banned_at, banned_until"
_SEARCHED = "environment_id, name, nickname, email, deleted_at"


def _add(row: str, number: int) -> str:
    return (
        "INSERT INTO user_counts (environment_id, role, state, shard, number) "
        f"VALUES ({row}environment_id, {row}role, {_state(row)}, 0, {number}) "
        f"ON CONFLICT (environment_id, role, state, shard) DO UPDATE SET number = number + {number};"
    )


# An environment has 2^40 numbers, so a search stays within it; who is deleted has the negative of one.
_NUMBER_SEARCHED = (
    "INSERT OR IGNORE INTO user_search_environments (environment_id) VALUES (NEW.environment_id); "
    "INSERT INTO user_search_rows (user_id, number) SELECT NEW.id, "
    "CASE WHEN NEW.deleted_at IS NULL THEN 1 ELSE -1 END * (1 + max(span.number << 40, "
    # By order and limit: max() would read the whole span.
    "coalesce((SELECT number FROM user_search_rows WHERE number BETWEEN span.number << 40 AND "
    "(span.number << 40) + (1 << 40) - 1 ORDER BY number DESC LIMIT 1), 0), "
    "coalesce((SELECT -number FROM user_search_rows WHERE number BETWEEN "
    "-((span.number << 40) + (1 << 40) - 1) AND -(span.number << 40) ORDER BY number LIMIT 1), 0))) "
    "FROM user_search_environments AS span WHERE span.environment_id = NEW.environment_id; "
)


def _texts(row: str) -> str:
    """What is searched. The tokenizer folds all that core/folding.py does but the capital I with a dot."""
    texts = (f"{row}name", f"coalesce({row}nickname, '')", f"{row}email")
    return ", ".join(f"replace({text}, char(304), 'i')" for text in texts)


_INDEX = (
    "INSERT INTO user_search (rowid, name, nickname, email) "
    f"SELECT number, {_texts('NEW.')} FROM user_search_rows WHERE user_id = NEW.id; "
)
_UNINDEX = (
    "INSERT INTO user_search (user_search, rowid, name, nickname, email) "
    f"SELECT 'delete', number, {_texts('OLD.')} FROM user_search_rows WHERE user_id = OLD.id; "
    "DELETE FROM user_search_rows WHERE user_id = OLD.id; "
)
_COUNT_ALL = (
    "INSERT INTO user_counts (environment_id, role, state, shard, number) "
    f"SELECT environment_id, role, {_state('')}, 0, count(*) FROM users GROUP BY 1, 2, 3"
)

SQLITE = (
    _COUNT_ALL,
    "CREATE TABLE user_search_environments (number INTEGER PRIMARY KEY, environment_id VARCHAR(36) NOT NULL "
    "UNIQUE)",
    "CREATE TABLE user_search_rows (number INTEGER PRIMARY KEY, user_id VARCHAR(36) NOT NULL UNIQUE)",
    # Contentless: the texts are in users already. The tokenizer folds case by itself.
    "CREATE VIRTUAL TABLE user_search USING fts5(name, nickname, email, tokenize='trigram', content='')",
    "INSERT INTO user_search_environments (environment_id) SELECT DISTINCT environment_id FROM users",
    "INSERT INTO user_search_rows (number, user_id) SELECT CASE WHEN deleted_at IS NULL THEN 1 ELSE -1 END * "
    "((span.number << 40) + row_number() OVER (PARTITION BY environment_id ORDER BY created_at, id)), id "
    "FROM users JOIN user_search_environments AS span USING (environment_id) ORDER BY 1",
    f"INSERT INTO user_search (rowid, name, nickname, email) SELECT number, {_texts('')} "
    "FROM user_search_rows JOIN users ON users.id = user_id ORDER BY number",
    "CREATE TRIGGER users_insert_kept AFTER INSERT ON users "
    f"BEGIN {_add('NEW.', 1)} {_NUMBER_SEARCHED}{_INDEX}END",
    f"CREATE TRIGGER users_delete_kept AFTER DELETE ON users BEGIN {_add('OLD.', -1)} {_UNINDEX}END",
    f"CREATE TRIGGER users_update_counted AFTER UPDATE OF {_COUNTED} ON users "
    f"WHEN (OLD.environment_id, OLD.role, {_state('OLD.')}) "
    f"<> (NEW.environment_id, NEW.role, {_state('NEW.')}) "
    f"BEGIN {_add('OLD.', -1)} {_add('NEW.', 1)} END",
    f"CREATE TRIGGER users_update_searched AFTER UPDATE OF {_SEARCHED} ON users "
    "WHEN (OLD.environment_id, OLD.name, OLD.nickname, OLD.email, OLD.deleted_at IS NULL) IS NOT "
    "(NEW.environment_id, NEW.name, NEW.nickname, NEW.email, NEW.deleted_at IS NULL) "
    f"BEGIN {_UNINDEX}{_NUMBER_SEARCHED}{_INDEX}END",
)

_UPSERT = (
    "INSERT INTO user_counts AS kept (environment_id, role, state, shard, number) "
    "SELECT environment_id, role, {state}, mod(pg_backend_pid(), 16), {sign} * count(*) FROM {rows} "
    "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 "
    "ON CONFLICT (environment_id, role, state, shard) DO UPDATE SET number = kept.number + EXCLUDED.number; "
)


def _function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"


def _single(row: str, number: int) -> str:
    return _UPSERT.format(
        state=_state("one."),
        sign=number,
        rows=f"(SELECT {row}.*) AS one",
    )


def lower_collation(version: tuple[int | str, ...]) -> str:
    """A collation that knows letters beyond ASCII, the same on every machine: from 17 on a builtin one."""
    return (
        "pg_unicode_fast" if int(version[0]) >= 18 else "pg_c_utf8" if int(version[0]) >= 17 else "und-x-icu"
    )


FOLDED = (
    "CREATE OR REPLACE FUNCTION folded(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE "
    "RETURN replace(replace(lower($1 COLLATE pg_catalog.\"{collation}\"), U&'i\\0307', 'i'), "
    "U&'\\03C2', U&'\\03C3')"
)
POSTGRESQL = (
    _COUNT_ALL,
    # Trigrams as an array of our own: an extension needs rights and knows only the letters of the locale.
    "CREATE FUNCTION grams(text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN "
    'ARRAY(SELECT DISTINCT substr(folded($1), place, 3) COLLATE pg_catalog."C" '
    "FROM generate_series(1, length(folded($1)) - 2) AS place)",
    "CREATE FUNCTION user_grams(text, text, text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN "
    "grams($1) || grams($2) || grams($3)",
    "CREATE INDEX ix_users_grams ON users USING gin (user_grams(name, nickname, email))",
    _function("users_inserted", _UPSERT.format(state=_state(""), sign=1, rows="fresh")),
    _function("users_deleted", _UPSERT.format(state=_state(""), sign=-1, rows="stale")),
    _function("users_updated", _single("OLD", -1) + _single("NEW", 1)),
    "CREATE TRIGGER users_insert_kept AFTER INSERT ON users REFERENCING NEW TABLE AS fresh "
    "FOR EACH STATEMENT EXECUTE FUNCTION users_inserted()",
    "CREATE TRIGGER users_delete_kept AFTER DELETE ON users REFERENCING OLD TABLE AS stale "
    "FOR EACH STATEMENT EXECUTE FUNCTION users_deleted()",
    f"CREATE TRIGGER users_update_counted AFTER UPDATE OF {_COUNTED} ON users FOR EACH ROW "
    f"WHEN ((OLD.environment_id, OLD.role, {_state('OLD.')}) IS DISTINCT FROM "
    f"(NEW.environment_id, NEW.role, {_state('NEW.')})) EXECUTE FUNCTION users_updated()",
)
