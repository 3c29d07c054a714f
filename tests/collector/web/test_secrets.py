"""Passwords, tokens and the wait at the login, without a server."""

from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_collector.web import passwords, sessions
from verbundwacht_collector.web.throttle import (
    MAX_KEYS,
    PER_ACCOUNT,
    PER_ADDRESS,
    WINDOW_MS,
    Throttle,
)


def test_a_password_is_stored_as_argon2id_with_the_agreed_parameters() -> None:
    stored = passwords.hash_password("zwölf Zeichen")

    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.verify(stored, "zwölf Zeichen")
    assert not passwords.verify(stored, "zwölf zeichen")


def test_nobodys_password_is_never_right() -> None:
    assert not passwords.verify(None, "")
    assert not passwords.verify("kein Hash", "")


async def test_an_overlong_password_is_not_even_hashed() -> None:
    stored = passwords.hash_password("x" * passwords.MAX_LENGTH)

    assert await passwords.Verifier().matches(stored, "x" * passwords.MAX_LENGTH)
    assert not await passwords.Verifier().matches(stored, "x" * (passwords.MAX_LENGTH + 1))


def test_tokens_are_long_random_and_only_their_hash_is_kept() -> None:
    first, second = sessions.new_token(), sessions.new_token()

    assert first != second
    assert len(first) >= 43
    assert len(sessions.token_hash(first)) == 32
    assert sessions.csrf_matches(first, sessions.csrf_token(first))
    assert not sessions.csrf_matches(second, sessions.csrf_token(first))


@given(st.integers(0, 2 * sessions.ABSOLUTE_MS), st.integers(0, 2 * sessions.ABSOLUTE_MS))
def test_no_use_keeps_a_session_beyond_ten_hours(age: int, idle: int) -> None:
    alive = sessions.is_alive(opened_at=0, seen_at=age - min(idle, age), now=age)

    assert not (alive and age >= sessions.ABSOLUTE_MS)
    assert not (alive and min(idle, age) >= sessions.IDLE_MS)


def test_the_cookie_has_the_host_prefix_everywhere_but_in_the_demo() -> None:
    assert sessions.cookie_name(insecure_loopback=False) == "__Host-vw"
    assert sessions.cookie_name(insecure_loopback=True) == "vw"


def test_one_address_may_try_many_accounts_only_so_often() -> None:
    throttle = Throttle()
    waits = [throttle.wait_ms(login=f"n{n}", address="::1", now=n) for n in range(PER_ADDRESS + 1)]

    assert waits[:-1] == [0] * PER_ADDRESS
    assert waits[-1] == WINDOW_MS - PER_ADDRESS


def test_spelling_does_not_give_an_account_more_attempts() -> None:
    throttle = Throttle()
    spellings = ["anna", "ANNA", " anna ", "Anna", "aNNa", "anna"]
    waits = [
        throttle.wait_ms(login=login, address=str(n), now=0) for n, login in enumerate(spellings)
    ]

    assert waits[:PER_ACCOUNT] == [0] * PER_ACCOUNT
    assert waits[PER_ACCOUNT] == WINDOW_MS


def test_right_passwords_use_up_nothing() -> None:
    throttle = Throttle()
    for n in range(10 * PER_ADDRESS):
        assert throttle.wait_ms(login="anna", address="::1", now=n) == 0
        throttle.succeeded(login="anna", address="::1")


def test_the_memory_for_attempts_is_bounded() -> None:
    throttle = Throttle()
    for n in range(2 * MAX_KEYS):
        throttle.wait_ms(login=f"n{n}", address=f"a{n}", now=0)

    assert len(throttle._attempts) <= MAX_KEYS
