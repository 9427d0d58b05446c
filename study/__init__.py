"""From studies.yaml and envs.yaml to a list of runs and their keys, without torch. An edit trains nothing."""
