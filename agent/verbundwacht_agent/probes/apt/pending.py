"""Which updates wait: asks apt by the cheapest way this host has.

`parse_child` is pure. A child process of the system's own Python with apt_pkg needs 0.2 s where
apt keeps its cache; the agent's Python cannot load that library, it belongs to one exact version.
Without it `commands.py` gives the same answer at four times the cost.
"""

from pathlib import Path
from typing import Final

import msgspec

from verbundwacht_agent.host import Completed, Host, Missing, content
from verbundwacht_agent.probes.apt.answer import Answer, incomplete, parse_target, refusal
from verbundwacht_agent.probes.apt.commands import ask_commands

CHILD: Final = ("/usr/bin/python3", "-I", "-B", str(Path(__file__).with_name("child.py")))
_ANSWERED: Final = (0, 100)  # success, and apt's own refusal; see child.py


def ask(host: Host, held: frozenset[str]) -> Answer:
    """What apt knows. Raises Unavailable.

    held: names of packages on hold; apt-get does not tell them from others it keeps back.
    """
    # Crashes of the child are no answer: python-apt's interface differs between releases.
    try:
        done = host.run(CHILD)
    except Missing:
        return ask_commands(host, held)
    return parse_child(done) if done.code in _ANSWERED else ask_commands(host, held)


def parse_child(done: Completed) -> Answer:
    """The answer of child.py. Raises Unavailable if it failed or was cut."""
    if done.code != 0:
        raise refusal(done.message)
    content(done)
    try:
        answer = msgspec.json.decode(done.stdout, type=Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise incomplete() from None
    targets = {
        name: size for place, size in answer.targets.items() if (name := parse_target(place))
    }
    return msgspec.structs.replace(answer, targets=targets)
