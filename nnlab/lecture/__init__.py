"""The lecture notes line by line, and the static course that is written from them.

`lines/` has one TOML file for each line of the notes: its sentence, the study that tests it, a
question, the mathematics, an exercise and the papers. `nnlab lecture` reads it.
"""
