"""The application over the small graph."""

from tests.small_service import api, client, guarded, keys, settings, small

__all__ = ["api", "client", "guarded", "keys", "settings", "small"]
