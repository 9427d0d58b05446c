"""The lectures: a claim is a module here, whose ``table()`` computes numbers and ``draw(table)`` draws them."""
