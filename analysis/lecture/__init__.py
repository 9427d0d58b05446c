"""Figures of the two lectures: one module a topic, each with ``draw(table)``."""
