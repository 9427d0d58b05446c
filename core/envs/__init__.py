"""The tasks as a run steps them: made, stepped, recorded, saved and restored. An edit trains every run anew."""
