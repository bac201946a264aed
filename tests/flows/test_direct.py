"""Statements past the driver's cursor: the same rows, errors and transactions as by it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator

import pytest
from django.db import (
    DataError,
    IntegrityError,
    OperationalError,
    connection,
    connections,
    transaction,
)

from noren_kit.db import direct
from noren_kit.db.prepared import Question, execute_last, fetch_all, fetch_in_turn
from noren_kit.testing.plugin import OwnerConnection

DIVIDE = "SELECT 10 / %s::int, %s::uuid"
KEEP = "INSERT INTO scratch (number) VALUES (%s)"
USES = 7  # The driver prepares a statement at its sixth.


@pytest.fixture(autouse=True)
def scratch(owner: OwnerConnection) -> Iterator[None]:
    owner.connection.execute(
        "CREATE TABLE scratch (number int PRIMARY KEY); GRANT ALL ON scratch TO PUBLIC"
    )
    yield
    owner.connection.execute("DROP TABLE scratch")


@pytest.fixture
def one() -> uuid.UUID:
    one = uuid.uuid4()
    for _number in range(USES):
        assert fetch_all(DIVIDE, (5, one)) == [(2, one)]
    return one


@pytest.fixture
def warm(one: uuid.UUID) -> uuid.UUID:
    """The statement that writes is prepared too."""
    for number in range(USES):
        with transaction.atomic():
            execute_last(KEEP, (-number,))
    return one


def kept(owner: OwnerConnection) -> set[int]:
    rows = owner.connection.execute("SELECT number FROM scratch WHERE number > 0")
    return {number for (number,) in rows}


def test_it_goes_past_the_cursor(one: uuid.UUID) -> None:
    """Told apart from a change in the driver, after which everything would go its way."""
    assert direct.ask(connections["default"], DIVIDE, (5, one)) == [(2, one)]
    assert direct.ask(connections["default"], "SELECT 1 + %s::int", (1,)) is None


def test_the_first_statement_begins_the_transaction(one: uuid.UUID, owner: OwnerConnection) -> None:
    with transaction.atomic():
        assert direct.ask(connections["default"], DIVIDE, (5, one)) == [(2, one)]
        connection.cursor().execute("INSERT INTO scratch VALUES (1)")
        assert kept(owner) == set()
        transaction.set_rollback(True)
    assert kept(owner) == set()


def test_an_error_in_the_first_statement(one: uuid.UUID) -> None:
    with pytest.raises(DataError, match="division by zero"), transaction.atomic():
        fetch_all(DIVIDE, (0, one))
    with transaction.atomic():
        assert fetch_all(DIVIDE, (5, one)) == [(2, one)]


def test_an_error_outside_of_a_transaction(one: uuid.UUID) -> None:
    with pytest.raises(DataError, match="division by zero"):
        fetch_all(DIVIDE, (0, one))
    assert fetch_all(DIVIDE, (5, one)) == [(2, one)]


def test_statements_in_turn(one: uuid.UUID) -> None:
    questions = [Question(DIVIDE, (5, one)), Question(DIVIDE, (2, one))]
    with transaction.atomic():
        fetch_all(DIVIDE, (5, one))
        assert direct.ask_in_turn(connections["default"], questions) == [[(2, one)], [(5, one)]]
    for _way in range(2):  # With its transaction begun by the driver, and not.
        with pytest.raises(DataError, match="division by zero"), transaction.atomic():
            fetch_in_turn([Question(DIVIDE, (0, one)), Question(KEEP, (1,))])


def test_the_last_statement_goes_with_the_commit(warm: uuid.UUID, owner: OwnerConnection) -> None:
    with transaction.atomic():
        fetch_all(DIVIDE, (5, warm))
        assert direct.at_commit(connections["default"], KEEP, (1,))
        connection.cursor().execute("SELECT count(*) FROM scratch WHERE number = 1")
    assert kept(owner) == {1}


def test_a_failure_of_the_last_statement_is_the_commits(
    warm: uuid.UUID, owner: OwnerConnection
) -> None:
    with transaction.atomic():
        execute_last(KEEP, (1,))

    @transaction.atomic
    def write() -> None:
        connection.cursor().execute("INSERT INTO scratch VALUES (2)")
        execute_last(KEEP, (1,))

    with pytest.raises(IntegrityError):
        write()
    assert kept(owner) == {1}


def test_nothing_is_left_over_from_what_was_rolled_back(
    warm: uuid.UUID, owner: OwnerConnection
) -> None:
    with transaction.atomic():
        execute_last(KEEP, (1,))
        transaction.set_rollback(True)
    with transaction.atomic():
        connection.cursor().execute("INSERT INTO scratch VALUES (2)")
    assert kept(owner) == {2}


def test_within_somebody_elses_transaction_it_is_sent_at_once(
    warm: uuid.UUID, owner: OwnerConnection
) -> None:
    with transaction.atomic():
        with transaction.atomic():
            execute_last(KEEP, (1,))
        connection.cursor().execute("SELECT count(*) FROM scratch WHERE number = 1")
        with pytest.raises(IntegrityError), transaction.atomic():
            execute_last(KEEP, (1,))
    assert kept(owner) == {1}


@pytest.mark.parametrize("begun", [False, True])
def test_a_lost_connection(warm: uuid.UUID, owner: OwnerConnection, begun: bool) -> None:
    assert owner.admin is not None
    server = connection.connection.info.backend_pid

    @transaction.atomic
    def lose() -> None:
        if begun:
            fetch_all(DIVIDE, (5, warm))
        owner.admin.execute("SELECT pg_terminate_backend(%s, 5000)", [server])
        fetch_in_turn([Question(DIVIDE, (5, warm)), Question(KEEP, (1,))])

    with pytest.raises(OperationalError):
        lose()
    with transaction.atomic():
        assert fetch_all(DIVIDE, (5, warm)) == [(2, warm)]
    assert kept(owner) == set()


def test_a_connection_lost_before_the_commit(warm: uuid.UUID, owner: OwnerConnection) -> None:
    assert owner.admin is not None
    server = connection.connection.info.backend_pid

    @transaction.atomic
    def lose() -> None:
        fetch_all(DIVIDE, (5, warm))
        execute_last(KEEP, (1,))
        owner.admin.execute("SELECT pg_terminate_backend(%s, 5000)", [server])

    with pytest.raises(OperationalError):
        lose()
    with transaction.atomic():
        connection.cursor().execute("INSERT INTO scratch VALUES (2)")
    assert kept(owner) == {2}


def test_others_run_while_it_waits(warm: uuid.UUID) -> None:
    wait = "SELECT pg_sleep(%s)::text"
    for _number in range(USES):
        fetch_all(wait, (0.0,))
    steps, ended = 0, threading.Event()

    def step() -> None:
        nonlocal steps
        while not ended.wait(0.01):
            steps += 1

    other = threading.Thread(target=step)
    other.start()
    with transaction.atomic():
        assert direct.ask(connections["default"], wait, (0.5,)) is not None
        assert direct.ask_in_turn(connections["default"], [Question(wait, (0.5,))]) is not None
    ended.set()
    other.join()
    assert steps >= 10
