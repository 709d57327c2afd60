from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from trackway.api.runs import ParamRevision
from trackway.base.errors import NotSupported, Unavailable
from trackway.store.sql import ddl, upgrade
from trackway.store.sql.connection import Connection, connector
from trackway.store.sql.migrations import HISTORY, History
from trackway.store.sql.schema import metadata
from trackway.store.sql.store import SqlStore
from trackway.store.sql.upgrade import create_missing_indexes, list_missing_indexes, prepare, read_revision
from trackway.testing.store.space import Space

ENV = dict(os.environ)
PREPARE = """
import sys
from pathlib import Path
from trackway.store.sql.connection import connector
from trackway.store.sql.migrations import History
from trackway.store.sql.upgrade import prepare

uri, folder, head = sys.argv[1:]
prepare(uri, connector(uri)[0], History(Path(folder), head))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new, empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/t.db"
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture
def later(tmp_path: Path) -> History:
    """The history of a later version, with two steps more."""
    folder = tmp_path / "migrations"
    shutil.copytree(HISTORY.folder, folder)
    for step in Path(__file__).with_name("later_steps").glob("*.py"):
        shutil.copy(step, folder / "versions")
    return History(folder, "0003")


@pytest.fixture
def filled(uri: str) -> str:
    """The address of a database of this version with data in many tables."""
    with closing(SqlStore(uri)) as store:
        space = Space(store)
        experiment = space.make_experiment("prices")
        for n in range(20):
            ref = space.make_run(experiment, {"k": f"t{n}"}, name=f"n{n}", external_key=f"e{n}")
            space.log(ref, loss=[(step, step, float(step)) for step in range(100)], nan=[(1, 1, float("nan"))])
            by = ParamRevision(key="p", value="", replaced_ms=1, actor="ann", reason="typo")
            space.write(lambda tx, ref=ref, n=n: tx.runs.add_params(ref, {"p": "ü" * n}))
            space.write(lambda tx, ref=ref, by=by: tx.runs.correct_param(ref, "p", "q", by))
    return uri


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_schema_text_says_what_the_metadata_says(dialect: str) -> None:
    assert HISTORY.find_schema(dialect).read_text(encoding="utf-8") == ddl.render(dialect), "run `make schema`"


@pytest.mark.filterwarnings("ignore:.*expression-based index")  # compared as text below
def test_a_new_database_and_one_made_step_by_step_are_what_the_metadata_says(
    uri: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    prepare(uri, connector(uri)[0])
    other = f"sqlite:///{tmp_path}/steps.db" if uri.startswith("sqlite") else new_postgres(request)
    engine = open_engine(other)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(HISTORY.folder))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
    for made in (uri, other):
        engine = open_engine(made)
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
        engine.dispose()
    with open_database(uri) as new, open_database(other) as stepped:
        assert describe(new) == describe(stepped)
        assert read_revision(new) == read_revision(stepped) == HISTORY.head
        for table in ("workspaces", "experiments"):
            [row] = new.all(f"SELECT * FROM {table}")
            [same] = stepped.all(f"SELECT * FROM {table}")
            assert [value for value in row if not is_now(value)] == [value for value in same if not is_now(value)]


def test_an_older_database_is_upgraded_with_all_its_data(filled: str, later: History) -> None:
    with open_database(filled) as db:
        before = dump(db)
    prepare(filled, connector(filled)[0], later)
    with open_database(filled) as db:
        after = dump(db)
        assert read_revision(db) == "0003"
        assert {"ix_runs_title", "ix_audit_object"} <= set(describe(db))
    assert after.pop("later") == []
    assert after["runs"] == [(*row, f"run {row[4]}") for row in before["runs"]]
    assert after["workspaces"][:-1] == before["workspaces"]
    for table in ("runs", "workspaces", "alembic_version"):
        del before[table], after[table]
    assert after == before


def test_a_sqlite_file_is_copied_before_and_only_its_owner_reads_the_copy(tmp_path: Path, later: History) -> None:
    uri = f"sqlite:///{tmp_path}/t.db"
    with closing(SqlStore(uri)) as store:  # still open: what it wrote is in the log, not in the file
        Space(store).make_experiment("prices")
        with open_database(uri) as db:
            before = dump(db)
        prepare(uri, connector(uri)[0], later)
    copy = tmp_path / "t.db.before-0001"
    assert copy.stat().st_mode & 0o777 == 0o600
    with open_database(f"sqlite:///{copy}") as db:
        assert dump(db) == before
    assert not list(tmp_path.glob("*.partial"))


def test_a_process_killed_amid_an_upgrade_leaves_the_old_schema_whole(filled: str, later: History) -> None:
    with open_database(filled) as db:
        before = describe(db), dump(db)
    for _ in range(2):
        process = start_upgrade(filled, later, TEST_STEP="wait")
        assert process.stdout is not None
        assert process.stdout.readline() == "half-way\n"
        process.kill()
        assert process.wait() == -signal.SIGKILL
        process.communicate()
        SqlStore(filled).close()  # the version that was there before goes on
        with open_database(filled) as db:
            assert (describe(db), dump(db)) == before
    prepare(filled, connector(filled)[0], later)
    with open_database(filled) as db:
        assert read_revision(db) == "0003"
        assert len(dump(db)["runs"]) == 20


def test_a_step_that_fails_undoes_those_before_it(filled: str, later: History, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_database(filled) as db:
        before = describe(db), dump(db)
    monkeypatch.setenv("TEST_STEP", "fail")
    with pytest.raises(Unavailable, match="nowhere"):
        prepare(filled, connector(filled)[0], later)
    with open_database(filled) as db:
        assert (describe(db), dump(db)) == before


@pytest.mark.parametrize("new", [True, False], ids=["new", "older"])
def test_processes_that_start_at_once_change_the_schema_once(new: bool, uri: str, later: History) -> None:
    history = HISTORY
    if not new:
        SqlStore(uri).close()
        history = later
    processes = [start_upgrade(uri, history) for _ in range(4)]
    for process in processes:
        _, said = process.communicate()
        assert process.returncode == 0, said
    with open_database(uri) as db:
        assert read_revision(db) == history.head
        names = [name for [name] in db.all("SELECT name FROM workspaces ORDER BY name")]
    assert names == (["default"] if new else ["default", "mark 1"])


def test_a_newer_database_is_refused_and_left_alone(filled: str, later: History) -> None:
    prepare(filled, connector(filled)[0], later)
    with open_database(filled) as db:
        before = describe(db), dump(db)
    with pytest.raises(NotSupported, match=r"schema 0003.*none newer than 0001") as refused:
        SqlStore(filled)
    assert "start the version that last wrote it" in refused.value.hint
    with open_database(filled) as db:
        assert (describe(db), dump(db)) == before


def test_a_database_of_something_else_is_refused_and_left_alone(uri: str) -> None:
    with open_database(uri) as db:
        db.begin(write=True)
        db.run("CREATE TABLE experiments (name TEXT)")
        db.run("INSERT INTO experiments (name) VALUES ('theirs')")
        db.commit()
    with pytest.raises(NotSupported, match=r"called like Trackway's: experiments \(") as refused:
        SqlStore(uri)
    assert "a database of its own" in refused.value.hint
    with open_database(uri) as db:
        assert db.all("SELECT name FROM experiments") == [("theirs",)]
        assert read_revision(db) is None


def test_a_database_that_others_use_too_is_made_ours_beside(uri: str) -> None:
    with open_database(uri) as db:
        db.begin(write=True)
        db.run("CREATE TABLE theirs (name TEXT)")
        db.commit()
    SqlStore(uri).close()
    with open_database(uri) as db:
        assert read_revision(db) == HISTORY.head


def test_an_upgrade_that_cannot_get_the_lock_says_so(
    filled: str, later: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade, "LOCK_TIMEOUT_S", 0.05)
    connect, _ = connector(filled)

    def connect_impatiently() -> Connection:
        db = connect()
        if db.dialect == "sqlite":
            db.raw.execute("PRAGMA busy_timeout = 50")
        return db

    with open_database(filled) as other:
        upgrade._begin(other)
        with pytest.raises(Unavailable, match="another process"):
            prepare(filled, connect_impatiently, later)
    with open_database(filled) as db:
        assert read_revision(db) == "0001"


def test_indexes_that_are_missing_are_named_and_made_as_they_were(uri: str) -> None:
    prepare(uri, connector(uri)[0])
    with open_database(uri) as db:
        whole = describe(db)
        for name in ("ix_runs_live", "ix_experiments_live_name"):
            db.raw.execute(f"DROP INDEX {name}")
        assert list_missing_indexes(db) == ["ix_experiments_live_name", "ix_runs_live"]
        assert create_missing_indexes(db) == ["ix_experiments_live_name", "ix_runs_live"]
        assert describe(db) == whole
        assert create_missing_indexes(db) == []


def test_text_that_is_no_database_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "t.db").write_text("no database " * 1_000)
    with pytest.raises(Unavailable, match="not a database"):
        SqlStore(f"sqlite:///{tmp_path}/t.db")


def test_a_file_that_is_gone_is_not_made_anew_under_an_open_store(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/t.db"
    store = SqlStore(uri)
    try:
        for file in tmp_path.iterdir():
            file.unlink()
        for use in (store.read, store.write):
            with pytest.raises(Unavailable, match="cannot be opened"):
                use(lambda tx: tx.housekeeping.get_retention("default"))
        assert list(tmp_path.iterdir()) == []
    finally:
        store.close()


def new_postgres(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("postgres_server").create_database())


def open_database(uri: str) -> closing[Connection]:
    return closing(connector(uri)[0]())


def open_engine(uri: str) -> sa.Engine:
    """Open the database as any tool would."""
    return sa.create_engine(uri.replace("postgresql:", "postgresql+psycopg:"))


def start_upgrade(uri: str, history: History, **environment: str) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", PREPARE, uri, str(history.folder), history.head]
    pipe = subprocess.PIPE
    return subprocess.Popen(arguments, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env={**ENV, **environment})


def describe(db: Connection) -> dict[str, Any]:
    """Return all that the catalog says of our tables, columns, constraints and indexes, by name."""
    if db.dialect == "sqlite":
        texts = db.all("SELECT name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version'")
        return {name: " ".join((sql or "").split()) for name, sql in texts}
    columns = db.all(
        "SELECT table_name || '.' || column_name, data_type, is_nullable, column_default, collation_name,"
        " ordinal_position FROM information_schema.columns WHERE table_schema = current_schema()"
    )
    indexes = db.all("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()")
    functions = db.all("SELECT proname, prosrc FROM pg_proc WHERE proname = 'trackway_number'")
    found = {name: rest for name, *rest in [*columns, *indexes, *functions]}
    return {name: rest for name, rest in found.items() if "alembic" not in name}


def dump(db: Connection) -> dict[str, list[Any]]:
    """Return the rows of every table."""
    if db.dialect == "sqlite":
        tables = db.all("SELECT name FROM sqlite_master WHERE type = 'table'")
    else:
        tables = db.all("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    return {name: sorted(db.all(f"SELECT * FROM {name}"), key=repr) for [name] in tables}


def is_now(value: object) -> bool:
    return isinstance(value, int) and value > 1_700_000_000_000
