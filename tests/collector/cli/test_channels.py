"""`channel list` and `channel test`: beside a collector that sends, and without one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.collector.cli.operator import Operator

from verbundwacht_collector.commands import channels
from verbundwacht_collector.config import load
from verbundwacht_collector.store.sqlite import SqliteStore

IT = "it@nebenan.example"


@pytest.fixture
def told(operator: Operator) -> Operator:
    """A municipality that has a channel."""
    assert operator.run("municipality", "add", "nebenan", "--contact", IT).code == 0
    return operator


@contextmanager
def sending(operator: Operator, state: str, response: str) -> Iterator[None]:
    """A collector that tries every test message, with this result."""
    stop = threading.Event()

    def run() -> None:
        store = SqliteStore(operator.folder.database)
        while not stop.wait(0.05):
            with store.transaction() as tx:
                tx.execute(
                    "UPDATE notice SET state = :state, response = :response, attempts = 1,"
                    " tried_at = created_at, done_at = created_at WHERE state = 'waiting'",
                    {"state": state, "response": response},
                )
        store.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_channel_that_never_sent_is_not_called_good(told: Operator) -> None:
    ran = told.run("channel", "list")

    assert IT in ran.out
    assert "noch nichts gesendet" in ran.out


def test_without_a_channel_it_says_where_one_is_set_up(operator: Operator) -> None:
    assert "[mail]" in operator.run("channel", "list").out


def test_a_test_message_waits_for_a_collector(told: Operator) -> None:
    ran = told.run("channel", "test", IT)
    again = told.run("channel", "test", IT)

    assert ran.code == 0
    assert "vorgemerkt" in ran.out
    assert again.code == 1
    assert "schon unterwegs" in again.sentence


@pytest.mark.parametrize(
    ("state", "response", "code", "says"),
    [
        ("delivered", "250 taken", 0, f"Angenommen für {IT}: 250 taken"),
        ("failed", "550 no such user", 1, "Der Mailserver lehnt ab."),
    ],
)
def test_with_wait_it_ends_with_the_answer(
    told: Operator, state: str, response: str, code: int, says: str
) -> None:
    with sending(told, state, response):
        ran = told.run("channel", "test", IT, "--wait")

    assert (ran.code, says in ran.out) == (code, True)
    shown = told.run("channel", "list", "--json").json[0]
    assert (shown["test"]["state"], shown["test"]["actor"]) == (state, "Betrieb")


def test_with_wait_and_no_collector_it_gives_up(
    told: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "WAIT_S", 0.2)

    assert told.run("channel", "test", IT, "--wait").code == 1


def test_an_unknown_channel_names_the_command_that_lists_them(told: Operator) -> None:
    ran = told.run("channel", "test", "niemand@example.org")

    assert ran.code == 1
    assert "channel list" in ran.sentence


def test_one_address_twice_is_asked_for_by_number(told: Operator) -> None:
    told.run("municipality", "add", "drittens", "--contact", IT)
    ran = told.run("channel", "test", IT)

    assert ran.code == 1
    assert "1, 2" in ran.sentence
    assert told.run("channel", "test", "2").code == 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('digest = "07:30"', 'digest = "7:30"', "notify.digest"),
        ('digest = "07:30"', 'digest = "24:00"', "07:30"),
        ("per_hour = 10 ", "per_hour = 0 ", "notify.per_hour"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(
    operator: Operator, old: str, new: str, says: str
) -> None:
    operator.change(old, new)
    ran = operator.run("serve")

    assert ran.code == 2
    assert says in ran.sentence


def test_no_digest_is_a_setting(operator: Operator) -> None:
    operator.change('digest = "07:30"', 'digest = ""')

    assert load(operator.folder).notify.digest_at is None
