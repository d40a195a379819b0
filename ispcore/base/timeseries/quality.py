"""Why a sample is less than perfect, or absent: one bit each, stored with the sample."""

from enum import IntFlag


class Quality(IntFlag):
    """The flags of one 5-minute sample. Zero is a full, directly measured sample."""

    GOOD = 0
    PARTIAL = 1  # the bucket is only partly covered by readings
    INTERPOLATED = 2  # one long interval, spread evenly over the buckets it spans
    RESTARTED = 4  # the device restarted: the interval was discarded
    DISCONTINUOUS = 8  # ifCounterDiscontinuityTime moved: discarded
    COUNTER_FELL = 16  # a counter fell without a restart: discarded
    TOO_FAST = 32  # faster than 1.1 times the interface: discarded
    CLOCK_STEPPED = 64  # our clock and the device's uptime disagree; the uptime was used
    WRAPPED = 128  # a 32-bit counter wrapped once
    AMBIGUOUS = 256  # a 32-bit counter that may have wrapped more than once in the interval
    DEMO = 512  # made up for the demo, never measured

    @property
    def reasons(self) -> list[str]:
        """In words, worst first; empty for a good sample."""
        return [words for flag, words in _WORDS.items() if flag in self]


DISCARDED = Quality.RESTARTED | Quality.DISCONTINUOUS | Quality.COUNTER_FELL | Quality.TOO_FAST
_WORDS = {
    Quality.RESTARTED: "the router restarted",
    Quality.DISCONTINUOUS: "the counters were reset",
    Quality.COUNTER_FELL: "a counter fell",
    Quality.TOO_FAST: "faster than the interface can be",
    Quality.CLOCK_STEPPED: "the clock was stepped",
    Quality.AMBIGUOUS: "a 32-bit counter may have wrapped twice",
    Quality.INTERPOLATED: "one late reading spread over the time it spans",
    Quality.PARTIAL: "only part of the 5 minutes was seen",
}
