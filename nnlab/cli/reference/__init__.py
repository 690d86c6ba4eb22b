"""Commands that list available choices, data sets, launchers and devices."""
