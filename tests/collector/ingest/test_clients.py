"""Clients written by others: what they send is understood, and they understand the answers.

At the embedded endpoint and through a broker alike: agents know no difference.
"""

import asyncio
import shutil

import aiomqtt
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from tests.collector.ingest.fakes import Identity, Site, open_house, until
from tests.collector.ingest.mosquitto import Entrance

MOSQUITTO = shutil.which("mosquitto_pub")


async def test_aiomqtt_sends_and_hears_its_answers(site: Site, entrance: Entrance) -> None:
    agent = site.agent()
    answers = []
    async with aiomqtt.Client(
        "localhost",
        entrance.port,
        identifier=agent.name,
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_context=agent.context(),
    ) as client:
        await client.subscribe(agent.down)
        for number in range(20):
            await client.publish(agent.up, b"%d" % number, qos=1)
            message = await anext(client.messages)
            answers.append(message.payload)

    assert entrance.receiver.frames == [b"%d" % n for n in range(20)]
    assert answers == [b"ack of %d" % n for n in range(20)]


async def test_aiomqtt_is_told_why_it_may_not_connect(site: Site) -> None:
    async with open_house(site) as house:
        client = aiomqtt.Client(
            "localhost",
            house.mqtt.port,
            identifier="f" * 32,
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=site.agent().context(),
        )
        with pytest.raises(aiomqtt.MqttError, match="Client identifier not valid"):
            await client.__aenter__()


async def test_paho_sends_many_frames_within_the_window(site: Site, entrance: Entrance) -> None:
    """It honours Receive Maximum from our welcome; 200 frames pass eight at a time."""
    agent = site.agent()
    acknowledged: list[int] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=agent.name, protocol=paho.MQTTv5)
    client.tls_set_context(agent.context())
    client.max_inflight_messages_set(8)
    client.on_publish = lambda _c, _u, mid, _r, _p: acknowledged.append(mid)
    await asyncio.to_thread(client.connect, "localhost", entrance.port)
    client.loop_start()
    try:
        for number in range(200):
            client.publish(agent.up, b"%d" % number, qos=1)
        await until(lambda: len(acknowledged) == 200)
        client.disconnect()
    finally:
        await asyncio.to_thread(client.loop_stop)

    await until(lambda: len(entrance.receiver.frames) == 200)
    assert entrance.receiver.frames == [b"%d" % n for n in range(200)]


async def _mosquitto(agent: Identity, entrance: Entrance, *options: str) -> tuple[int, str]:
    assert MOSQUITTO, "mosquitto_pub is missing: apt-get install mosquitto-clients"
    process = await asyncio.create_subprocess_exec(
        MOSQUITTO,
        *("-h", "localhost", "-p", str(entrance.port), "-V", "mqttv5", "-i", agent.name),
        *("--cafile", str(agent.roots), "--cert", str(agent.certificate), "--key", str(agent.key)),
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 10)
    return process.returncode or 0, out.decode()


async def test_mosquitto_pub_sends_a_frame(site: Site, entrance: Entrance) -> None:
    agent = site.agent()
    code, said = await _mosquitto(agent, entrance, "-t", agent.up, "-q", "1", "-m", "hello")

    assert (code, said) == (0, "")
    await until(lambda: entrance.receiver.frames == [b"hello"])


async def test_mosquitto_pub_is_refused_another_topic(site: Site, entrance: Entrance) -> None:
    agent = site.agent()
    foreign = site.agent(2).up
    await _mosquitto(agent, entrance, "-t", foreign, "-q", "1", "-m", "hello")

    assert entrance.receiver.frames == []
    # a broker refuses it itself, and the collector never hears of it
    assert dict(entrance.counts) == ({} if entrance.behind_a_broker else {107: 1})


async def test_mosquitto_pub_sends_a_whole_spool_through_the_window(
    site: Site, entrance: Entrance
) -> None:
    agent = site.agent()
    code, said = await _mosquitto(
        agent,
        entrance,
        "-t",
        agent.up,
        "-q",
        "1",
        "-m",
        "x",
        "--repeat",
        "50",
        "--repeat-delay",
        "0",
    )

    assert (code, said) == (0, "")
    await until(lambda: len(entrance.receiver.frames) == 50)
