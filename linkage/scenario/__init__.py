"""Synthetic worlds with ground truth, in the public load format."""

from linkage.scenario.habits import HABITS, Habit
from linkage.scenario.world import World, generate

__all__ = ["HABITS", "Habit", "World", "generate"]
