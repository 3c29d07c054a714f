"""Evidence of backups."""

from datetime import UTC, datetime

import pytest
from deploy.demo.recorded_host import RecordedHost
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Completed
from verbundwacht_agent.probes.backup import MARKS, PATTERNS, label, parse_mark, probe
from verbundwacht_agent.probes.units import command, parse_show, parse_time
from verbundwacht_wire.facts import Backup
from verbundwacht_wire.facts.servers import BackupMark

LAST, SETTING = MARKS
SHOW = command(*PATTERNS)


def backup(host: RecordedHost) -> Backup:
    body = probe(host).body
    assert isinstance(body, Backup)
    return body


def marked(content: str) -> RecordedHost:
    return RecordedHost.named("debian13").with_file(LAST, content)


def test_units_that_end_have_a_result_and_those_that_wait_are_named() -> None:
    found = backup(RecordedHost.named("debian12"))

    assert found.programs == ("bareos", "borg", "borgmatic")
    assert found.clients == ("bareos-fd.service",)
    assert [(job.unit, job.result) for job in found.jobs] == [
        ("backup@.service", "failed"),
        ("borgmatic.service", "success"),
    ]
    assert found.jobs[1].ended == datetime(2026, 11, 23, 1, 20, 31, tzinfo=UTC)
    assert found.jobs[1].triggered == datetime(2026, 11, 23, 1, 0, 10, tzinfo=UTC)


def test_a_unit_that_has_never_run_is_not_a_success() -> None:
    """systemd says `Result=success` for it."""
    lines = (
        "Id=borg.service", "LoadState=loaded", "ActiveState=inactive", "Type=oneshot",
        "Result=success", "ExecMainStartTimestamp=", "InactiveEnterTimestamp=",
    )  # fmt: skip
    never = Completed(0, "\n".join(lines).encode(), b"")

    (job,) = backup(RecordedHost.named("debian13").answering(SHOW, never)).jobs

    assert (job.result, job.ended, job.triggered) == ("never", None, None)


def test_a_run_that_goes_on_keeps_the_end_of_the_one_before() -> None:
    (job,) = backup(RecordedHost.named("ubuntu2204")).jobs

    assert job.result == "running"
    assert job.ended == datetime(2026, 11, 23, 22, 20, 31, tzinfo=UTC)


def test_the_mark_says_what_ran_where_and_when_it_was_tried() -> None:
    (mark,) = backup(RecordedHost.named("debian12")).marks

    assert mark == BackupMark(
        date=datetime(2026, 11, 23, 1, 10, tzinfo=UTC),
        target="nas-2.rathaus.example",
        restore_tested=datetime(2026, 9, 30, tzinfo=UTC),
    )


def test_both_marks_count_the_newest_first() -> None:
    host = RecordedHost.named("ubuntu2204").with_file(LAST, "2026-11-21\nnas\n")

    assert [mark.date.day for mark in backup(host).marks] == [21, 20]


@pytest.mark.parametrize(
    ("text", "date", "target"),
    [
        ("2026-11-23T02:10:00Z\n", datetime(2026, 11, 23, 2, 10, tzinfo=UTC), None),
        ("2026-11-23T02:10:00+01:00\nnas-2", datetime(2026, 11, 23, 1, 10, tzinfo=UTC), "nas-2"),
        ("2026-11-23\nBand 7", datetime(2026, 11, 23, tzinfo=UTC), "Band 7"),
        ('{"date": "2026-11-23"}', datetime(2026, 11, 23, tzinfo=UTC), None),
        ('{"date": "2026-11-23", "target": 7}', datetime(2026, 11, 23, tzinfo=UTC), None),
    ],
)
def test_a_mark_is_a_date_and_may_name_its_target(
    text: str, date: datetime, target: str | None
) -> None:
    mark = parse_mark(text)

    assert mark == BackupMark(date=date, target=target)


@pytest.mark.parametrize(
    "text",
    ["", "gestern", '{"date": 1}', '{"target": "x"}', "{", "{" * 100_000, "0001-01-01T00:00+14:00"],
)
def test_a_mark_without_a_date_is_named_as_such(text: str) -> None:
    collected = probe(marked(text[:4000]))

    assert collected.reason == "mark_unreadable"
    assert isinstance(collected.body, Backup)
    assert collected.body.marks == ()


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("sftp://wer:geheim@nas.example:22/pfad", "nas.example"),
        ("rest:https://wer:geheim@nas.example/", "nas.example"),
        ("wer@nas.example:/pfad", "nas.example"),
        ("s3://eimer/pfad", "eimer"),
        ("wer:ge@heim@nas.example:repo", "nas.example"),
        ("Bandlaufwerk (Keller)", "Bandlaufwerk (Keller)"),
        ("/mnt/nas/geheim", None),
        ("token=geheim", None),
        ("x" * 65, None),
        ("@", None),
        ("", None),
        (7, None),
    ],
)
def test_a_target_is_a_host_or_a_label_and_never_a_secret(
    target: object, shown: str | None
) -> None:
    assert label(target) == shown


def test_a_mark_that_everybody_may_write_does_not_count() -> None:
    host = marked("2026-11-23\n").with_mode(LAST, 0o666)

    assert probe(host).reason == "mark_untrusted"
    assert backup(host).marks == ()


def test_a_mark_that_may_not_be_read_is_denied_and_not_missing() -> None:
    assert probe(marked("2026-11-23\n").denying(LAST)).reason == "mark_denied"


def test_without_systemd_the_marks_are_all_there_is() -> None:
    host = marked("2026-11-23\n").without("/run/systemd")

    assert probe(host).reason == "services_not_seen"
    assert len(backup(host).marks) == 1


def test_no_evidence_at_all_is_a_body_and_not_an_absent_section() -> None:
    """Somebody must say that a hypervisor makes the backups."""
    assert backup(RecordedHost.named("debian13")) == Backup(
        programs=(), jobs=(), clients=(), marks=()
    )


def test_a_failing_systemctl_is_a_failure() -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian13").answering(SHOW, Completed(1, b"", b"no")))

    assert error.value.reason == "exit_code"


@pytest.mark.parametrize("output", ["nonsense", "Id=x.service\n"])
def test_an_answer_of_another_kind_is_a_failure(output: str) -> None:
    with pytest.raises(Unavailable) as error:
        parse_show(output)

    assert error.value.reason == "bad_output"


@pytest.mark.parametrize(
    "value", ["", "n/a", "Mon 2026-11-23 01:00:00 CET", "Mon 2026-99-23 01:00:00 UTC"]
)
def test_only_a_whole_time_in_utc_is_a_time(value: str) -> None:
    assert parse_time(value) is None


@given(st.text(max_size=200))
def test_any_mark_is_a_date_or_nothing(text: str) -> None:
    for content in (text, '{"date": "2026-11-23", "target": "' + text):
        mark = parse_mark(content)
        assert mark is None or mark.date.tzinfo is UTC
