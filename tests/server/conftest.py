"""The application over the small graph."""

from tests.small_service import api, client, settings, small

__all__ = ["api", "client", "settings", "small"]
