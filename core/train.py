"""Signpost: a run is trained by ``python -m train``."""

if __name__ == "__main__":
    raise SystemExit("error: python -m core.train is now python -m train, with the same options")
