"""The linkage engine: a pure function from facts, decisions and a model to clusters with their evidence."""

from linkage.engine.facts import Facts
from linkage.engine.model import Model
from linkage.engine.reference import Reference
from linkage.engine.resolve import Resolution, resolve

__all__ = ["Facts", "Model", "Reference", "Resolution", "resolve"]
