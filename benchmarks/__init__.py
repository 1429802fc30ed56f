"""Accuracy and speed beside what others do with the same facts. Each benchmark prints a table."""
