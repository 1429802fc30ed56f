"""Traces: operation → field → Cypher, for operators who collect them; off unless OTEL_EXPORTER_OTLP_ENDPOINT is set.

Spans carry names of the schema and texts of our own Cypher, never a value: no document, alias, operation's name,
argument, parameter or error's text, which is why strawberry's own extension is not used. Without a collector the
tracer is OpenTelemetry's empty one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode

from linkage.errors import BadSettings

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACER = trace.get_tracer("linkage")


@contextmanager
def span(name: str, attributes: Mapping[str, str] | None = None) -> Iterator[Span]:
    """A span around what is done inside; of an error it tells the type."""
    with TRACER.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def collect(environ: Mapping[str, str]) -> Callable[[], None] | None:
    """Send spans to the collector that the environment names; returns what sends the last. None: none is named.

    Raises `BadSettings` where the extra that does it is not installed.
    """
    if not environ.get(ENDPOINT):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise BadSettings(
            f"{ENDPOINT} is set, but what sends traces is not installed",
            next_step="Install it (pip install 'linkage[otel]'), or leave the variable out.",
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": environ.get("OTEL_SERVICE_NAME", "linkage")}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.shutdown
