"""What the methods share: all that decides a number, and nothing else. An edit here trains every run anew."""
