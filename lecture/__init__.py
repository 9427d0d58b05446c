"""The two lectures in numbers: one module a topic, each with ``table()``; ``analysis/lecture/`` draws the tables."""
