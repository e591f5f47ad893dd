"""The message services that ship, as rows."""

from __future__ import annotations

from satsim.api.rows import Rows


def list_links() -> Rows:
    """A row for each preset: name, title, bytes of its largest message, seconds between messages, words on the rest.

    `assumed` are the keys whose numbers are assumed by satsim; the others are measured or published.
    """
    from satsim.links.linkspec import LinkSpec
    from satsim.links.presets import assumed_numbers, link_presets
    from satsim.links.words import contact_words, latency_words, loss_words

    rows = []
    for name, preset in link_presets().items():
        link = LinkSpec.model_validate({"preset": name})
        rows.append(
            {
                "preset": name,
                "title": preset.title,
                "packet_bytes": link.packet_bytes,
                "interval_s": link.interval_s,
                "contact": contact_words(link.windows),
                "latency": latency_words(link),
                "loss": loss_words(link),
                "acknowledged": link.ack.kind,
                "transport": preset.transport,
                "assumed": ", ".join(assumed_numbers(link)),
            }
        )
    return Rows(rows)
