"""What Prometheus reads at /metrics. Labels are few and bounded: routes and codes, never ids or addresses."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bkendctl.server.note import Note

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Buckets of the answering time: a read is below 5 ms, a password hash above 20."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """Counters of one app. Several workers write a file each, and whoever is asked adds them up."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "bkendctl_http_requests",
            "Requests answered; code is the error's, empty for a good one.",
            ("method", "route", "status", "code"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "bkendctl_http_request_seconds",
            "Time to answer.",
            ("route",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._inside = Gauge(
            "bkendctl_http_requests_in_progress",
            "Requests that wait for their answer.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )

        self._leaks = Counter(
            "bkendctl_leak_checks",
            "New passwords by what the range API said; unasked: while it rests after a fault.",
            ("outcome",),
            registry=self._registry,
        )

    def looked_for_leak(self, outcome: str, why: str) -> None:
        """The range API was asked about a password, or should have been; a fault is told on stderr."""
        self._leaks.labels(outcome).inc()
        if why:
            sys.stderr.write(f"leaked passwords are not looked up: {why}\n")

    def begin(self) -> None:
        """A request has come."""
        self._inside.inc()

    def end(self, method: str, note: Note, status: int, seconds: float) -> None:
        """It was answered."""
        self._inside.dec()
        method = method if method in _METHODS else "other"
        self._requests.labels(method, note.route, status, note.code or "").inc()
        self._seconds.labels(note.route).observe(seconds)

    def text(self, mails: Mapping[str, int]) -> tuple[bytes, str]:
        """All figures in Prometheus' text format, of all workers, and its content type.

        mails: how many there are in the outbox by status, the same whichever worker is asked.
        """
        registry = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            from prometheus_client.multiprocess import MultiProcessCollector

            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry) + generate_latest(_outbox(mails)), CONTENT_TYPE_LATEST


def _outbox(mails: Mapping[str, int]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Outbox(mails))
    return registry


class _Outbox(Collector):
    """Figures of the database: no Gauge, which each worker would keep in a file and all would add up."""

    def __init__(self, mails: Mapping[str, int]) -> None:
        self._mails = mails

    def collect(self) -> Iterator[Metric]:
        """One figure a status."""
        family = GaugeMetricFamily("bkendctl_mails", "Mails in the outbox.", labels=["status"])
        for status, count in self._mails.items():
            family.add_metric([status], count)
        yield family
