"""What an export holds: all that its check needs, the same bytes each time, and no people."""

import base64

import pytest
from tests.collector.alerts.story import Story
from tests.collector.evidence.fakes import checked, of_alert, of_host, rows_of
from tests.collector.fakes import Collector
from tests.collector.rulebook import REBOOT
from tests.fakes import INTERVAL, Not, kernel, services

from verbundwacht_collector.alerts.model import HOST_SILENT, RULE_BLIND
from verbundwacht_collector.errors import Refused
from verbundwacht_collector.evidence.verify import verify
from verbundwacht_collector.scope import OperatorScope
from verbundwacht_collector.store.evidence import stored_alert
from verbundwacht_wire.frame import read_frame


def test_the_same_store_gives_the_same_file(story: Story) -> None:
    story.says(kernel=kernel(reboot=True))
    collector, agent = story.collector, story.agent.agent
    first = of_host(collector, agent)
    collector.clock.advance()

    assert of_host(collector, agent) == first
    assert of_alert(collector, "W-2026-0001") == of_alert(collector, "W-2026-0001")


def test_the_frames_are_those_that_were_received(story: Story) -> None:
    raw = story.agent.report({"kernel": kernel(reboot=True)})
    story.collector.one(raw)

    rows = rows_of(of_alert(story.collector, story.number("t.reboot")))

    frames = [row["frame"] for row in rows if row["row"] == "frame"]
    assert base64.b64decode(frames[-1]) == raw


def test_what_an_older_pack_concluded_is_computed_again_by_it(story: Story) -> None:
    story.says(kernel=kernel(reboot=True))
    story.collector.install(REBOOT.replace("critical", "low"))
    story.collector.judge_anew()
    story.says(kernel=kernel())
    story.beats()

    data = of_alert(story.collector, story.number("t.reboot"))

    packs = [row["digest"] for row in rows_of(data) if row["row"] == "pack"]
    assert len(packs) == 2
    assert verify(data).findings == []


def test_comments_and_people_are_not_in_it(story: Story) -> None:
    story.says(kernel=kernel(reboot=True))
    story.comments("t.reboot", "Das war Frau Muster.")
    story.takes("t.reboot")

    data = of_alert(story.collector, story.number("t.reboot"))

    assert b"Muster." not in data
    assert b"jana" not in data.lower()
    assert verify(data).holds


def test_a_section_that_only_a_neighbour_sent_stands_beside(story: Story) -> None:
    other = Story(story.collector, story.collector.host("web02"))
    other.says(services=services("a.service"))
    story.wait()
    raw = story.agent.report({"services": services("a.service")}, keep_back=("services",))
    story.collector.one(raw)

    data = of_host(story.collector, story.agent.agent)

    assert [row["section"] for row in rows_of(data) if row["row"] == "body"] == ["services"]
    assert verify(data).findings == []


def test_an_alert_about_a_blind_rule_verifies(story: Story) -> None:
    story.says(kernel=Not("denied", "read_denied"))
    story.beats()
    story.beats()
    number = story.number(RULE_BLIND)
    story.says(kernel=kernel())

    result = verify(of_alert(story.collector, number))

    assert (result.findings, result.alert) == ([], number)
    assert b'"error"' in of_alert(story.collector, number)


def test_an_alert_about_silence_verifies(story: Story) -> None:
    story.wait(4 * INTERVAL)
    story.collector.tick()
    number = story.number(HOST_SILENT)
    silent = verify(of_alert(story.collector, number))
    story.beats()

    ended = verify(of_alert(story.collector, number))

    assert (silent.findings, ended.findings) == ([], [])
    assert story.state(HOST_SILENT) == "resolved"


def test_a_late_message_is_judged_as_it_was(story: Story) -> None:
    """The newer one overtook it and had to wait for its bodies."""
    story.wait()
    first = story.agent.report({"kernel": kernel(reboot=True)})
    second = story.agent.report({"services": services("x.service")})
    story.collector.one(second)
    story.wait()
    story.collector.one(first)

    data = of_host(story.collector, story.agent.agent)

    assert story.state("t.reboot") == "new"
    assert verify(data).findings == []


def test_an_unexplained_gap_is_named_with_its_number(story: Story) -> None:
    story.agent.report()
    lost = story.agent.seq
    story.says(kernel=kernel(reboot=True))

    result = verify(of_alert(story.collector, story.number("t.reboot")))

    assert (result.holds, result.first_bad) == (False, lost)
    assert checked(of_alert(story.collector, story.number("t.reboot"))) == {"chain"}


def test_a_message_nobody_can_read_is_still_a_link(story: Story) -> None:
    story.wait()
    story.collector.one(story.agent.next("vw-report/1", b"{"))
    story.says(kernel=kernel(reboot=True))

    assert verify(of_host(story.collector, story.agent.agent)).findings == []


def test_a_rebase_explains_what_it_left_behind(story: Story) -> None:
    chain = story.collector.rows("SELECT hi, head FROM chain")[0]
    twin = story.agent.clone()
    story.wait()
    story.collector.one(twin.rebase(*chain))

    data = of_host(story.collector, story.agent.agent)

    assert verify(data).findings == []
    kinds = [
        read_frame(base64.b64decode(row["frame"])).header.typ
        for row in rows_of(data)
        if row["row"] == "frame"
    ]
    assert kinds[-1] == "vw-rebase/1"


def test_an_alert_about_a_whole_municipality_is_refused_with_the_next_step(
    collector: Collector,
) -> None:
    collector.rows(
        "INSERT INTO alert (number, fingerprint, municipality_id, rule_id, subject, severity,"
        " title, state, opened_at, changed_at, evidence) VALUES ('W-2026-0009', x'00',"
        " 'musterdorf', 'system.municipality-silent', '', 'high', '', 'new', 0, 0, x'')"
    )

    with pytest.raises(Refused, match="--host"):
        stored_alert(collector.store._db, "W-2026-0009", scope=OperatorScope())
