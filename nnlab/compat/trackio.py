"""`from nnlab.compat import trackio`: records to nnlab what a script records with Trackio."""
