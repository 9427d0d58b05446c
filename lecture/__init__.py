"""A claim of the lectures a file: ``table()`` computes its numbers, ``draw(table)`` draws them. Seconds each."""
