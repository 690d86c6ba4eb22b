"""Reports the flags of a script from inside the script's own interpreter.

`python parser_probe SCRIPT DESCRIPTOR` runs the script until it parses its arguments and writes its
flags as JSON to an open file. The interpreter may be any Python 3.9 without nnlab, so this package
needs only the standard library and imports its modules relatively.
"""
