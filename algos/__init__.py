"""One module per algorithm: a frozen ``Config``, an optional ``init`` and ``collect``, and ``update``."""
