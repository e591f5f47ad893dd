"""`satsim.testing`: what ships keeps its contracts, and each breach is one sentence that says which."""

import math

import numpy as np
import pytest

from codec import load_codec, load_metric
from codec.base import CodecError
from codec.fake import FakeCodec
from codec.metrics import METRICS
from satsim.links.linkspec import LinkSpec
from satsim.links.losses import make_loss
from satsim.testing import check_codec, check_delay, check_loss, check_metric, check_transport, example_photo


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif", "jpeg2000"])
def test_our_files_keep_the_contract_of_codecs(name):
    check_codec(load_codec(name, budget_bytes=900))


def test_progressive_codecs_keep_it_too(tiny_weights):
    check_codec(load_codec("progic", model=str(tiny_weights)), example_photo(32, 48))
    check_codec(FakeCodec())


@pytest.mark.parametrize("name", [name for name, info in METRICS.items() if not info.files])
def test_our_metrics_keep_theirs(name, one_thread):
    metric = load_metric(name)
    ours = type("Ours", (), {"label": metric.label, "unit": metric.unit, "higher_is_better": metric.higher_is_better})
    ours.name, ours.min_side, ours.score = f"our-{name}", metric.min_side, staticmethod(metric.score)
    check_metric(ours)


def by_spec(**keys):
    """One of our loss models as a factory of one's own."""

    def factory(rng, **more):
        return make_loss(LinkSpec.model_validate({"loss": keys | more}), rng)

    return factory


@pytest.mark.parametrize(
    "loss",
    [
        {"model": "gilbert_elliott", "good_to_bad": 0.1, "bad_to_good": 0.3},
        {"model": "two_state", "mean_good_s": 60, "mean_bad_s": 20},
        {"model": "lutz", "environment": "city", "elevation_deg": 24, "speed_kmh": 50},
    ],
)
def test_our_losses_keep_theirs_and_only_add_losses_as_they_grow(loss):
    check_loss(by_spec(**loss), more=[{"loss_good": 0.1}, {"loss_good": 0.4}])


def test_a_delay_and_a_transport_of_a_few_lines_keep_theirs():
    check_delay(lambda rng, mean_s: lambda time_s, message_bytes: rng.exponential(mean_s), mean_s=3.0)
    check_transport(until_heard)


def until_heard(rng, gap_s=0.0):
    """Each message until it gets through."""

    def send(sender, order):
        for index in order:
            yield sender.slot()
            while (heard := sender.send(index)) is not None and not (yield heard):
                yield sender.retry(gap_s + rng.random())

    return send


class Broken(FakeCodec):
    """Sound but for one method, or one fact."""

    def __init__(self, encode=None, decode=None, **facts):
        super().__init__()
        self.__dict__ |= facts
        if encode:
            self.encode = lambda image, payload_bytes: encode(super(Broken, self).encode(image, payload_bytes), image)
        if decode:
            self.decode = lambda received, height, width: decode(
                received, lambda: super(Broken, self).decode(received, height, width)
            )


def rises(error):
    raise error


SHORTER = iter([bytes([k]) * 3 for k in range(10)][:count] for count in range(10, 1, -1))
"""One payload less each time."""
CODECS = {
    "has no name": Broken(name=""),
    "has model_id -1; expected a whole number of 32 bits": Broken(model_id=-1),
    "stages is 0; expected 1 or more": Broken(stages=0),
    "encode returned no payloads": Broken(encode=lambda payloads, image: []),
    "encode returned str; expected a list of bytes": Broken(encode=lambda payloads, image: "text"),
    "payload 0 is of type bytearray; expected bytes": Broken(encode=lambda payloads, image: [bytearray(3)]),
    "payload 0 has 999 bytes; expected 1 to 340": Broken(encode=lambda payloads, image: [bytes(999)]),
    "encode changed the image": Broken(encode=lambda payloads, image: [payloads, image.fill(0)][0]),
    "gave other payloads the second time": Broken(encode=lambda payloads, image: next(SHORTER)),
    "decode of payloads 0 of 10 raised KeyError": Broken(decode=lambda got, show: got[1] and show() if got else None),
    "all payloads together show nothing": Broken(decode=lambda got, show: None),
    "decode of no payload at all returned a picture": Broken(
        decode=lambda got, show: show() if got else np.zeros((96, 128, 3), np.uint8)
    ),
    "decode returned float64[96, 128, 3]; expected uint8": Broken(
        decode=lambda got, show: show().astype(float) if got else None
    ),
    "decode changed the payloads": Broken(decode=lambda got, show: [show(), got.clear()][0]),
    "showed another picture when they came in another order": Broken(
        decode=lambda got, show: show() if list(got) == sorted(got) else np.zeros((96, 128, 3), np.uint8)
    ),
    "decode of malformed bytes raised IndexError; expected CodecError": Broken(
        decode=lambda got, show: rises(IndexError()) if {len(each) for each in got.values()} - {3} else show()
    ),
}


@pytest.mark.parametrize(("sentence", "broken"), CODECS.items(), ids=CODECS)
def test_each_breach_of_a_codec_is_told(sentence, broken):
    with pytest.raises(AssertionError) as told:
        check_codec(broken)
    assert sentence in str(told.value)
    assert "\n" not in str(told.value)


def metric(**facts):
    """A sound metric but for these facts."""
    sound = {"name": "shade", "label": "Shade", "unit": "", "higher_is_better": False, "min_side": 4}
    sound["score"] = lambda self, a, b: float(np.abs(a.astype(int) - b).mean())
    return type("Own", (), sound | facts)


METRIC_BREACHES = {
    "has no score": {"score": None},
    "has the name 'a b'": {"name": "a b"},
    "calls itself 'psnr', as one of ours": {"name": "psnr"},
    "has higher_is_better None; expected True or False": {"higher_is_better": None},
    "has min_side 0; expected pixels": {"min_side": 0},
    "score raised ZeroDivisionError": {"score": lambda self, a, b: 1 / 0},
    "score returned nan": {"score": lambda self, a, b: math.nan},
    "score returned None; expected a number": {"score": lambda self, a, b: None},
    "score changed the pictures": {"score": lambda self, a, b: float(a.fill(0) or 0)},
    "the same pictures scored": {"score": lambda self, a, b, turn=[]: float(turn.append(0) or len(turn))},
    "though higher is better": {"higher_is_better": True},
}


def test_a_sound_metric_is_sound():
    check_metric(metric())


@pytest.mark.parametrize(("sentence", "facts"), METRIC_BREACHES.items(), ids=METRIC_BREACHES)
def test_each_breach_of_a_metric_is_told(sentence, facts):
    with pytest.raises(AssertionError) as told:
        check_metric(metric(**facts))
    assert sentence in str(told.value)


def fickle(rng):
    """Draws from a generator that is not its own."""
    other = np.random.default_rng()
    return lambda time_s, *_: bool(other.random() < 0.5)


def thins_out(rng, share=0.9):
    """Draws less where more is lost."""
    return lambda time_s: bool(rng.random() < share or rng.random() < 0.5)


LOSSES = {
    "whose first argument is share": lambda: check_loss(lambda share: None),
    "its factory returned NoneType; expected a function lost": lambda: check_loss(lambda rng: None),
    "lost(0) returned 1; expected True or False": lambda: check_loss(lambda rng: lambda time_s: 1),
    "lost(0) raised ZeroDivisionError": lambda: check_loss(lambda rng: lambda time_s: 1 / 0),
    "has no option 'hour'": lambda: check_loss(lambda rng, hours=1: lambda time_s: False, hour=2),
    "other messages were lost the second time": lambda: check_loss(fickle),
    "expected that it only adds losses": lambda: check_loss(thins_out, share=0.3, more=[{"share": 0.5}]),
    "delay(0, 1) returned -1; expected seconds, 0 or more": lambda: check_delay(lambda rng: lambda t, n: -1),
    "a message took another time the second time": lambda: check_delay(
        lambda rng: lambda t, n: np.random.default_rng().random()
    ),
    "nothing ever arrives": lambda: check_delay(lambda rng: lambda t, n: math.inf),
}


@pytest.mark.parametrize(("sentence", "check"), LOSSES.items(), ids=LOSSES)
def test_each_breach_of_a_loss_or_a_delay_is_told(sentence, check):
    with pytest.raises(AssertionError) as told:
        check()
    assert sentence in str(told.value)


def transport(steps):
    """A transport that takes these steps."""
    return lambda rng: steps


def first_alone(sender, order):
    yield sender.slot()
    sender.send(order[0])


def twice_a_slot(sender, order):
    yield sender.slot()
    sender.send(0)
    sender.send(1)


def backwards(sender, order):
    yield sender.wait(-1)


def raises(sender, order):
    yield sender.slot()
    raise KeyError("lost count")


def by_luck(sender, order):
    for index in order:
        yield sender.slot()
        sender.send(index)
        yield sender.wait(float(100 * np.random.default_rng().random()))


TRANSPORTS = {
    "never sent messages 1, 2, 3, 4, 5 of 6 within the hour": first_alone,
    "send(1) without a slot; expected `yield sender.slot()` before each send": twice_a_slot,
    "waits for -1; expected seconds, 0 or more": backwards,
    "raised KeyError: 'lost count'": raises,
    "with one seed it sent otherwise the second time": by_luck,
}


@pytest.mark.parametrize(("sentence", "steps"), TRANSPORTS.items(), ids=TRANSPORTS)
def test_each_breach_of_a_transport_is_told(sentence, steps):
    with pytest.raises(AssertionError) as told:
        check_transport(transport(steps))
    assert sentence in str(told.value)


def test_errors_of_the_authors_own_kind_are_not_mistaken_for_breaches():
    class Strict(FakeCodec):
        def decode(self, received, height, width):
            if any(len(payload) != 3 for payload in received.values()):
                raise CodecError("three bytes, please")
            return super().decode(received, height, width)

    check_codec(Strict())
