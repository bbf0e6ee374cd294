"""Who was told of what in the demo, and what arrived by webhook."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace
from standardwebhooks import Webhook

from pipeline.channels.body import webhook_body
from pipeline.demo.alerts import Alerted, Arrival, Tally, compare_alerts, still_to_tell
from pipeline.demo.disputes import Told
from pipeline.demo.expectations import Expected, Verdict
from pipeline.demo.receiver import Receiver
from pipeline.demo.report import arrived
from pipeline.demo.watch import Watch
from pipeline.kafka import Message as Record
from pipeline.records import Alert, DeliverInput, Delivery, alert_id, deliver_inputs, encode
from pipeline.records.alert import Item, Message
from pipeline.topics import ALERTS, DELIVER_IN, DELIVERIES
from tests.desks import match
from tests.disputes import Court, accuses, denies, telling
from tests.told import NOW, story

HOST = "https://herald.example"
FIRST = telling(1, accuses("Aland", "Borduria"), outlet="Herald", url=f"{HOST}/1")
SECOND = telling(2, denies("Borduria", "Aland"), hours=2, outlet="Post", url=f"{HOST}/2")
OTHER = telling(4, accuses("Curland"), outlet="Star", url=f"{HOST}/4")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

SPOONS = {
    "name": "spoons", "articles": ["Herald /1", "Post /2"], "state": "disputed", "sources": 2, "why": "both sides",
}  # fmt: skip
DESK = {
    "subscription": "desk", "webhook": True, "why": "the spoons alone",
    "stories": [{"thread": "spoons", "follow_ups": ["disputed"]}],
}  # fmt: skip
EVERYBODY = {"subscription": "terminal", "every": True, "why": "all"}
EXPECTED = Expected.model_validate({"never_quoted": [], "items": [], "threads": [SPOONS], "alerts": [DESK, EVERYBODY]})


def told() -> Told:
    """A thread of two articles, and another."""
    court = Court(apart={OTHER.article.id})
    for said in (FIRST, SECOND, OTHER):
        court.take(said)
    return Told([one.article for one in (FIRST, SECOND, OTHER)], {}, dict(court.docket.threads), court.events)


TOLD = told()
SPOON = next(name for name, pages in TOLD.articles().items() if len(pages) == 2)
APART = next(name for name, pages in TOLD.articles().items() if len(pages) == 1)


def alerts_to(subscription: str, *threads: str) -> list[Alert]:
    """One for each event of these threads, all of a thread in one message."""
    found = []
    for thread in threads:
        for number, event in enumerate(one for one in TOLD.events if one.thread == thread):
            found.append(
                Alert(
                    id=alert_id(subscription, event.id),
                    subscription=subscription,
                    outcome="told",
                    event=event,
                    story=story(thread=thread),
                    first=number == 0,
                    message=f"msg_{subscription}{thread}",
                    fetched=NOW,
                    decided=NOW,
                )
            )
    return found


def message_of(alerts: list[Alert]) -> Message:
    """The message that these alerts went into."""
    items = tuple(Item(alert=one.id, event=one.event, story=one.story, first=one.first) for one in alerts)
    return Message(
        id=alerts[0].message, kind="story.new", subscription=alerts[0].subscription, name="", items=items, made=NOW
    )


def delivery(message: Message, **more: Any) -> Delivery:
    """It was delivered."""
    fields: dict[str, Any] = {
        "id": f"to {message.id}", "subscription": message.subscription, "channel": "c", "channel_type": "webhook",
        "address": "a", "attempt": 1, "outcome": "delivered", "message": message, "began": NOW, "ended": NOW,
    }  # fmt: skip
    return Delivery(**(fields | more))


def body(message: Message) -> dict[str, Any]:
    """What its webhook says."""
    told: dict[str, Any] = json.loads(webhook_body(message))
    return told


def alerted(desk: list[Alert] | None = None, *, outcome: Any = "delivered", arrivals: int = 1) -> Alerted:
    """What came by: all as expected, unless the desk was told something else, or its webhook fared otherwise."""
    found = Alerted()
    mine = alerts_to("desk", SPOON) if desk is None else desk
    for alerts in (mine, alerts_to("terminal", SPOON), alerts_to("terminal", APART)):
        for one in alerts:
            found.take_alert(one)
        if alerts:
            message = message_of(alerts)
            of_desk = alerts is mine
            found.take_delivery(delivery(message, outcome=outcome if of_desk else "delivered"))
            found.arrivals += [Arrival("desk", message.id, body(message))] * (arrivals if of_desk else 0)
    return found


def test_all_as_expected_is_met_and_counted_by_ids() -> None:
    """A webhook may come twice: its id counts once. Terminals have no webhook."""
    found = alerted(arrivals=2)
    assert compare_alerts(EXPECTED, TOLD, found) == Verdict((), ())
    assert still_to_tell(EXPECTED, TOLD, found) == ()
    events = sum(one.thread == SPOON for one in TOLD.events)
    desk, terminal = (found.tally(one) for one in EXPECTED.alerts)
    assert desk == Tally(stories=1, follow_ups=events - 1, messages=1, delivered=1, arrived=1)
    assert terminal.stories == terminal.messages == terminal.delivered == 2
    assert terminal.arrived is None


@pytest.mark.parametrize(
    ("found", "missing", "unexpected"),
    [
        (alerted([]), ["desk: was not told of “spoons”", "desk: no follow-up disputed of “spoons”"], []),
        (
            alerted([one for one in alerts_to("desk", SPOON) if one.event.kind != "disputed"]),
            ["desk: no follow-up disputed of “spoons”"],
            [],
        ),
        (
            alerted([replace(one, first=True) for one in alerts_to("desk", SPOON)]),
            ["desk: no follow-up disputed of “spoons”"],
            [f"desk: was told of “spoons” as a new story {sum(e.thread == SPOON for e in TOLD.events)} times"],
        ),
        (alerted(arrivals=0), [f"desk: webhook msg_desk{SPOON} did not arrive"], []),
        (alerted(outcome="failed"), [f"desk: message msg_desk{SPOON} was not delivered"], []),
    ],
    ids=["not told", "no follow-up", "new again and again", "never arrived", "never delivered"],
)
def test_each_difference_is_told(found: Alerted, missing: list[str], unexpected: list[str]) -> None:
    """One line for each, which names subscription and story or message."""
    assert compare_alerts(EXPECTED, TOLD, found) == Verdict(tuple(missing), tuple(unexpected))


def test_what_is_not_for_a_subscription_is_told() -> None:
    """By the name of its article, as no expected thread has it."""
    mine = [replace(one, message=f"msg_desk{SPOON}") for one in alerts_to("desk", SPOON, APART)]
    assert compare_alerts(EXPECTED, TOLD, alerted(mine)).unexpected == (
        "desk: was told of “Star /4”, which is not for it",
    )


def test_webhooks_that_nobody_sent_and_bad_signatures_are_told() -> None:
    """One that was refused has not arrived."""
    found = alerted(arrivals=0)
    found.arrivals += [Arrival("desk", "msg_stranger"), Arrival("desk", f"msg_desk{SPOON}", problem="No match")]
    assert compare_alerts(EXPECTED, TOLD, found) == Verdict(
        (f"desk: webhook msg_desk{SPOON} did not arrive",),
        (
            "desk: webhook msg_stranger arrived, and is no message of it",
            f"desk: webhook msg_desk{SPOON} was refused: No match",
        ),
    )


def test_an_event_without_an_alert_and_an_alert_without_a_message_are_waited_for() -> None:
    """Who is told of everything shows how far matching has come."""
    found = alerted([replace(one, message="") for one in alerts_to("desk", SPOON)], arrivals=0)
    found.alerts.pop(alerts_to("terminal", APART)[0].id)
    waits = still_to_tell(EXPECTED, TOLD, found)
    assert f"desk: {sum(one.thread == SPOON for one in TOLD.events)} alerts wait for a message" in waits
    assert "terminal: 1 events of stories are on no alert" in waits


def test_the_record_with_the_message_stays_whichever_is_read_first() -> None:
    """An alert that waits for its group has two."""
    last = alerts_to("desk", SPOON)[0]
    for order in ((replace(last, message=""), last), (last, replace(last, message=""))):
        found = Alerted()
        for one in order:
            found.take_alert(one)
        assert found.alerts[last.id].message == last.message


def record(topic: str, value: bytes) -> Record:
    """On its topic."""
    return Record(topic, 0, 0, NOW, b"key", value, ())


def test_the_watch_waits_for_what_is_matched_and_knows_how_long_it_took() -> None:
    """A match is waited for until its alert is there; the time counts from the fetch of the first article."""
    watch = Watch(EXPECTED, 1)
    one = match(1, subscription="desk")
    watch.take(record(DELIVER_IN, encode(DeliverInput(what=one))), NOW)
    assert deliver_inputs.decode(encode(DeliverInput(what=one))).what == one
    assert "1 matches are on no alert" in watch.verdict().missing
    (alert, *_) = alerts_to("desk", SPOON)
    decided = replace(alert, id=alert_id("desk", one.event.id))
    watch.take(record(ALERTS, encode(decided)), NOW)
    assert not any("on no alert" in line for line in watch.verdict().missing)
    watch.take(record(DELIVERIES, encode(delivery(message_of([decided])))), NOW)
    assert watch.alerted.delivered.keys() == {decided.message}
    arrival = Arrival("desk", decided.message, body(message_of([decided])))
    assert watch.seconds_to(arrival, NOW + timedelta(seconds=3)) == 3
    assert watch.seconds_to(Arrival("desk", "msg_other"), NOW) is None


async def test_the_receiver_takes_what_is_signed_for_that_subscription_and_nothing_else() -> None:
    """204 and the body as the library made it; 401 for a changed body, another's secret, an unknown subscription."""
    message = message_of(alerts_to("desk", SPOON))
    value = webhook_body(message)
    now = datetime.now(UTC)  # the library compares it with its own clock
    signed = {
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(message.id, now, value.decode()),
    }
    async with Receiver({"desk": SECRET, "other": "whsec_" + "A" * 32}) as receiver, aiohttp.ClientSession() as client:
        for path, data, status in (
            ("desk", value, 204), ("desk", value + b" ", 401), ("other", value, 401), ("nobody", value, 401),
        ):  # fmt: skip
            async with client.post(f"{receiver.base}/{path}", data=data, headers=signed) as answer:
                assert answer.status == status
            arrival = receiver.arrivals.get_nowait()
            assert (arrival.subscription, arrival.id, not arrival.problem) == (path, message.id, status == 204)
            assert arrival.body == (json.loads(value) if status == 204 else {})


def test_what_arrives_is_said_in_three_lines() -> None:
    """Kind, who says what against whom, outlet and headline, follow-ups, and how long it took."""
    message = message_of(alerts_to("desk", SPOON))
    assert list(arrived(Arrival("desk", message.id, body(message)), 1.24)) == [
        "alert  desk  story.new  Borduria denied what Syldavia alleged against Borduria",
        "    Example Times: “Borduria denies jamming radio”; follow-ups: joined, new_denier, disputed, spread",
        "    delivered 1.2 s after the fetch, signature good",
    ]
    assert list(arrived(Arrival("desk", "msg", problem="No matching\x1b signature"), None)) == [
        "alert  desk  refused: No matching\\x1b signature"
    ]
    notice = replace(message, kind="notice", items=(), text="A channel was disabled.")
    assert next(arrived(Arrival("desk", "msg", body(notice)), None)) == "alert  desk  notice  A channel was disabled."
