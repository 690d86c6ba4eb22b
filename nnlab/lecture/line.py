"""A line of the lecture notes, with everything that its page needs."""

from dataclasses import dataclass

# The headings under which lines are listed.
TOPICS = (
    "Activations",
    "Initialisation",
    "Inputs",
    "Sensitivity",
    "Batch norm",
    "Overfitting",
    "Learning rate",
    "Optimizers",
    "Decay",
    "Regularisation",
    "Transfer",
    "Programming",
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A publication: its authors, year and title, and its address."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class LectureLine:
    r"""A line of the notes.

    `question`, `answer`, `mathematics`, `exercise`, `solution` and `change_note` may contain LaTeX
    between `$` or `$$`, and code between backticks.

    Attributes:
        slug: the name of its file without the suffix, such as `relu`.
        number: its position in the notes, from 1.
        sentence: the sentence of the notes, shortened.
        topic: one of `TOPICS`.
        study: the built-in study that tests it; None if no study does.
        command: a command that demonstrates it in a few seconds, in an empty folder.
        question: asked before any result is shown.
        predict: the answers to choose from.
        answer: what is true, for a line without a study; None if a study answers the question.
        mathematics: a few paragraphs.
        exercise: a task for the reader.
        solution: the answer to the exercise.
        change: a command that changes one thing.
        change_note: what the command asks.
        plot: the command of an additional figure, without its output file; None without one.
        papers: the publications.
    """

    slug: str
    number: int
    sentence: str
    topic: str
    study: str | None
    command: str
    question: str
    predict: tuple[str, ...]
    mathematics: str
    exercise: str
    solution: str
    change: str
    change_note: str
    plot: str | None
    papers: tuple[Reference, ...]
    answer: str | None = None

    @property
    def stem(self) -> str:
        """The name of its page and figures without a suffix: `05-sensitivity`."""
        return f"{self.number:02}-{self.slug}"
