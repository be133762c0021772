"""What Prometheus is told."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Of one service: two in a process do not mix."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.quotes = Counter(
            "prep_quotes",
            "Quotes and orders asked for, by what came of it: given, refused, invalid, failed.",
            ["kind", "outcome"],
            registry=self._registry,
        )
        self.refusals = Counter(
            "prep_quotes_refusals",
            "Answers that are problems, by their code.",
            ["reason"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "prep_quotes_seconds",
            "Time until the answer.",
            ["kind"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.head_age = Gauge(
            "prep_quotes_head_age_seconds",
            "Age of the latest block; -1 while the node does not answer.",
            registry=self._registry,
        )
        self.orders = Gauge("prep_quotes_orders", "Orders that are kept.", registry=self._registry)

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self._registry)
