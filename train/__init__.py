"""One run as a job: ``python -m train``. An edit trains nothing; the numbers are decided in core/ and algos/."""
