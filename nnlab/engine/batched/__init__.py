"""Training of many runs as one program: `batched_runs` trains them, `grouping` selects them."""
