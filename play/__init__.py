"""Finished policies: loaded, played, filmed. An edit of ``episodes.py`` plays every final policy again."""
