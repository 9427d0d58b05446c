"""One method a file: a frozen ``Config`` and ``update``, if need be ``init`` and ``collect``. An edit re-trains it."""
