"""From runs to tables, figures and a page, without torch. An edit draws again, in seconds.

Imports go one way: data → statistics → figures → page → terminal.
"""
