"""Users' training scripts: their flags, commands and versions, and the metrics that they print."""
