"""Train something, then judge it: searches, probes, and the verdicts of studies."""
