"""The figures of a study, from its tables. An edit draws the figures that import it again, and the page."""
