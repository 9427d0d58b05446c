"""A claim of the lectures is a module here: ``table()`` computes its numbers, ``draw(table)`` makes the figure of them."""
