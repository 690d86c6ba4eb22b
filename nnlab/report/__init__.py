"""What is said about results: rankings and reports, made from records."""
