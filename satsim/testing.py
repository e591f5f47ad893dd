"""Does what you plug in keep its contract? Call these in your tests: a breach is an AssertionError of one sentence.

>>> from satsim.testing import check_codec, check_loss
>>> def test_my_codec():
...     check_codec(Strips(strips=8))
>>> def test_my_loss():
...     check_loss(field_log, path="log.csv")
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from pydantic import ValidationError

from codec.base import Codec, CodecError, Image, stages_of
from codec.own.finding import forget, register
from codec.own.guards import check_payloads, check_picture, guarded, guarded_metric
from satsim.air.packets import pack, packetize
from satsim.errors import SatsimError
from satsim.links.linkspec import LinkSpec, Own
from satsim.scenario.scenario import TransportSpec
from satsim.simulation.simulation import simulate

SEEDS = (0, 1, 2)
TIMES_S = tuple(10.0 * k for k in range(300))


def example_photo(height: int = 96, width: int = 128) -> Image:
    """A picture that is smooth and edged at once, the same every time: uint8[height, width, 3]."""
    row, column = np.mgrid[:height, :width]
    image = np.stack([255 * row / height, 255 * column / width, 128 + 0 * row], axis=2)
    image[(row - height / 2) ** 2 + (column - width / 3) ** 2 < (min(height, width) / 4) ** 2] = (20, 60, 30)
    return image.astype(np.uint8)


def check_codec(codec: Codec, image: Image | None = None, payload_bytes: Sequence[int] = (340, 100)) -> None:
    """Assert that `codec` meets `codec.Codec` on `image`, or on one of 128x96 pixels.

    It has a name and a model_id of 32 bits; its payloads fit and are the same each time; the image is left as it is;
    any subset of payloads, in any order, is a picture of the right size, the same each time, or None; all of them are a
    picture; bytes that are no payload are a CodecError, None or a picture, and nothing else.
    """
    photo = example_photo() if image is None else image
    with _breaches():
        guarded(codec, type(codec).__name__)
    who = f"codec {codec.name}"
    assert isinstance(stages_of(codec), int), f"{who}: stages is {stages_of(codec)!r}; expected a whole number"
    assert stages_of(codec) >= 1, f"{who}: stages is {stages_of(codec)}; expected 1 or more"
    for size in payload_bytes:
        before = photo.copy()
        with _breaches():
            payloads = check_payloads(codec.encode(photo, size), size, who)
        assert payloads, f"{who}: encode returned no payloads; expected one or more"
        assert np.array_equal(photo, before), f"{who}: encode changed the image that it was given"
        again = codec.encode(photo, size)
        assert list(again) == payloads, f"{who}: the same image gave other payloads the second time"
        _check_subsets(codec, payloads, photo.shape[:2], who)
        _check_damage(codec, payloads, photo.shape[:2], who)


def _check_subsets(codec: Codec, payloads: list[bytes], size: tuple[int, ...], who: str) -> None:
    height, width = size
    rng, count = np.random.default_rng(0), len(payloads)
    some = [np.flatnonzero(rng.random(count) < share).tolist() for share in (0.2, 0.5, 0.8) for _ in range(3)]
    subsets = [[], list(range(count)), [0], [count - 1], *some]
    for held in subsets:
        received = {k: payloads[k] for k in held}
        given = dict(received)
        named = f"payloads {_few(held)} of {count}"
        try:
            picture = codec.decode(received, height, width)
        except Exception as error:
            raise AssertionError(f"{who}: decode of {named} raised {type(error).__name__}: {error}") from error
        assert received == given, f"{who}: decode changed the payloads that it was given"
        if picture is None:
            assert len(held) < count, f"{who}: all payloads together show nothing; expected a picture"
            continue
        assert held, f"{who}: decode of no payload at all returned a picture; expected None"
        with _breaches():
            check_picture(picture, height, width, who)
        kept = picture.copy()
        other = codec.decode(dict(reversed(received.items())), height, width)
        same = other is not None and np.array_equal(other, kept)
        assert same, f"{who}: {named} showed another picture when they came in another order"


def _check_damage(codec: Codec, payloads: list[bytes], size: tuple[int, ...], who: str) -> None:
    height, width = size
    for damaged in (b"\x00", b"\xff" * len(payloads[0]), payloads[0][:-1] or b"\x01"):
        try:
            picture = codec.decode({0: damaged}, height, width)
        except CodecError:
            continue
        except Exception as error:
            raise AssertionError(
                f"{who}: decode of malformed bytes raised {type(error).__name__}; expected CodecError"
            ) from error
        if picture is not None:
            with _breaches():
                check_picture(picture, height, width, who)


def check_metric(metric: Any) -> None:
    """Assert that `metric`, a class without arguments or an object, is one that scenarios can name.

    It has a name, a direction and a least side; its scores are numbers, the same each time, of pictures from that side
    on, which it leaves as they are; and equal pictures score no worse than different ones.
    """
    made = metric() if isinstance(metric, type) else metric
    with _breaches():
        told = guarded_metric(made, str(getattr(made, "name", None) or type(made).__name__))
    who, score, least = f"metric {told['name']}", told["score"], told["min_side"]
    sign = 1 if told["higher_is_better"] else -1
    for height, width in ((max(least, 96), max(least, 128)), (least, least)):
        photo = example_photo(height, width)
        worse = [photo // 2 + 64, np.roll(photo, 7, axis=1), np.full_like(photo, 90)]
        with _breaches():
            same = score(photo, photo.copy())
        for image in worse:
            held = photo.copy(), image.copy()
            with _breaches():
                value = score(photo, image)
            made.score(photo, image)
            untouched = np.array_equal(photo, held[0]) and np.array_equal(image, held[1])
            assert untouched, f"{who}: score changed the pictures that it was given"
            again = score(photo, image)
            assert value == again, f"{who}: the same pictures scored {value:g} and then {again:g}"
            assert sign * same >= sign * value, (
                f"{who}: equal pictures score {same:g} and others {value:g}, though"
                f" {'higher' if sign > 0 else 'lower'} is better"
            )


def check_loss(
    factory: Callable[..., Callable[[float], bool]], *, more: Sequence[dict[str, Any]] = (), **options: Any
) -> None:
    """Assert that `factory(rng, **options)` makes a loss model.

    It answers True or False at times that do not go back, and the same with the same seed, whoever else draws. Where
    `more` has options of which each loses more than the one before (and `options` least), with one seed every message
    that is lost stays lost: promise that only of a model that draws as often whatever the outcome.
    """
    runs = [_losses(factory, seed, options) for seed in SEEDS]
    for seed, run in zip(SEEDS, runs, strict=True):
        assert _losses(factory, seed, options) == run, (
            f"loss: with seed {seed} other messages were lost the second time"
        )
        before = run
        for other in more:
            after = _losses(factory, seed, options | other)
            kept = all(late or not early for early, late in zip(before, after, strict=True))
            assert kept, (
                f"loss: {other} lets messages through that are lost without it; expected that it only adds losses"
            )
            before = after


def _losses(factory: Callable[..., Any], seed: int, options: dict[str, Any]) -> list[bool]:
    from satsim.links.own import own_loss

    with _named("loss", factory) as name:
        lost = own_loss(Own(model=name, options=options), np.random.default_rng(seed))
        return [lost(time_s) for time_s in TIMES_S]


def check_delay(factory: Callable[..., Callable[[float, int], float]], **options: Any) -> None:
    """Assert that `factory(rng, **options)` makes a delay: seconds, 0 or more, the same with the same seed.

    It is asked for messages of 1 to 100,000 bytes at times that do not go back, and may be infinite.
    """
    for seed in SEEDS:
        run, again = (_delays(factory, seed, options) for _ in range(2))
        assert run == again, f"delay: with seed {seed} a message took another time the second time"
        assert any(each < math.inf for each in run), f"delay: with seed {seed} nothing ever arrives"


def _delays(factory: Callable[..., Any], seed: int, options: dict[str, Any]) -> list[float]:
    from satsim.links.own import own_delay

    sizes = (1, 50, 340, 100_000)
    with _named("delay", factory) as name:
        delay = own_delay(Own(model=name, options=options), np.random.default_rng(seed))
        return [delay(time_s, sizes[k % 4]) for k, time_s in enumerate(TIMES_S)]


def check_transport(factory: Callable[..., Any], **options: Any) -> None:
    """Assert that `factory(rng, **options)` makes a transport.

    Over links without and with each kind of acknowledgement, and with losses, it keeps to its slots, sends messages
    that there are, ends or goes on within the hour, does the same with the same seed, and sends every message at least
    once where none is lost.
    """
    packets = packetize([bytes([k]) * 20 for k in range(6)], codec="external", model_id=1, height=32, width=32)
    messages = [[pack(packet) for packet in packets]]
    with _named("transport", factory) as name:
        transport = TransportSpec(name=name, options=options)
        for kind, loss_ratio in itertools.product(("none", "session", "satellite", "end"), (0.0, 0.3)):
            keys = {"packet_bytes": 60, "interval_s": 10, "delay_s": 2, "loss_ratio": loss_ratio, "ack": {"kind": kind}}
            link = LinkSpec.model_validate(keys)
            run, again = (simulate(messages, link, 7, transport=transport, duration_s=3600.0) for _ in range(2))
            on = f"where acknowledgements are {kind}"
            assert run == again, f"transport: with one seed it sent otherwise the second time, {on}"
            missing = sorted({*range(6)} - {event.payload_index for event in run if event.kind == "sent"})
            if not loss_ratio:
                assert not missing, f"transport: never sent messages {_few(missing)} of 6 within the hour, {on}"


@contextmanager
def _named(kind: str, factory: Callable[..., Any]) -> Iterator[str]:
    """A name under which a factory is registered for a while."""
    name = "yours"
    with _breaches():
        register(kind, name, factory)
        try:
            yield name
        finally:
            forget(kind, name)


@contextmanager
def _breaches() -> Iterator[None]:
    """What an author can mend is a breach, in one sentence."""
    try:
        yield
    except (CodecError, SatsimError, ValidationError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise AssertionError(said) from error


def _few(numbers: Sequence[int]) -> str:
    """Numbers, of many the first."""
    return ", ".join(map(str, numbers[:6])) + (" ..." if len(numbers) > 6 else "") if numbers else "none"
