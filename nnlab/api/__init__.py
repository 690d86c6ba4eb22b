"""The public Python API; `nnlab` exports it, and imports each part when it is first used."""
