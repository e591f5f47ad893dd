"""What the user can mend: each error is one line that says what was found, what was expected, and the mend.

SatsimError           anything of the kind; those of codecs and photos are `codec.base.CodecError`
+-- ScenarioError     a scenario, study or key file, a key or a value, that cannot be used as written
+-- LinkError         a link that cannot be made as written
+-- PacketError       bytes that are no packet, or a packet that cannot be written
|   +-- CountError    a photo in more packets, or with more repair packets, than headers can count
|   +-- RefusedError  a packet that a receiver must not take: not sealed, not by a known sender, or a replay
+-- SweepError        a sweep that cannot be run, or go on, as asked
+-- StudyError        a study that cannot run as written, or a goal that no design meets
"""


class SatsimError(ValueError):
    """Something the user can mend."""


class ScenarioError(SatsimError):
    """A file, key or value that cannot be used as written."""


class LinkError(SatsimError):
    """A link that cannot be made as written."""


class PacketError(SatsimError):
    """Bytes that are no packet, or fields that no packet can carry."""


class CountError(PacketError):
    """A photo that headers cannot count, or that they leave no room for."""


class RefusedError(PacketError):
    """A packet that is well-formed, perhaps, but that this receiver must not take."""


class SweepError(SatsimError):
    """A sweep that cannot be run, or go on, as asked."""


class StudyError(SatsimError):
    """A study that cannot run as written, or a goal that no design meets."""
