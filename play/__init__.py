"""Finished policies: loaded, played, filmed. An edit of ``policy.py`` or ``episodes.py`` plays them all again."""
