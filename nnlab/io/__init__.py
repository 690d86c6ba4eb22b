"""Files, folders and URLs, escaping, and text; knows nothing of training."""
