"""Reports and paper tables of studies and runs, and folders that reproduce them."""
