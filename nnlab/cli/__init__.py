"""The command line: reads options, calls the layers below, prints. The only place that prints."""
