"""Files, folders and URLs, escaping, redaction of secrets, and text; independent of training."""
