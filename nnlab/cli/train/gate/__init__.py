"""`nnlab gate`: keep or discard a candidate by as few seeds as the evidence needs."""
