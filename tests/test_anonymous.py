"""Text of an anonymous report has no folder, home, host or user."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.io.anonymous import hide_folders

NAME = st.from_regex(r"[a-z][a-z0-9_-]{2,8}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nnlab train --data csv:/home/ann/points.csv#y", "nnlab train --data csv:points.csv#y"),
        ("cd /home/ann && nnlab ls", "cd ~ && nnlab ls"),
        ("--db=../ann/runs.db", "--db=runs.db"),
        ("--db postgresql+psycopg://ann@lab.example/results", "--db results"),
        (r"C:\Users\ann\lab\model.py:Net", "model.py:Net"),
        ('File "/srv/ann/model.py", line 3', 'File "model.py", line 3'),
        ("val/loss is 1/2 of train/loss; data/points.csv",) * 2,
    ],
)
def test_the_last_part_of_a_path_is_kept(text: str, expected: str) -> None:
    assert hide_folders(text) == expected


@given(st.lists(NAME, min_size=2, max_size=4), NAME)
def test_no_folder_of_an_absolute_path_is_left(folders: list[str], name: str) -> None:
    hidden = hide_folders(f"--model /{'/'.join(folders)}/{name}.py:Net --lr 0.1")
    assert hidden == f"--model {name}.py:Net --lr 0.1"
