"""The parser of the example scripts of transformers."""

import json
from dataclasses import dataclass, field

from transformers import HfArgumentParser, TrainingArguments


@dataclass
class ModelArguments:
    """The model."""

    model: str = field(metadata={"help": "name or path"})
    half: bool = True


if __name__ == "__main__":
    model, training = HfArgumentParser(
        (ModelArguments, TrainingArguments)
    ).parse_args_into_dataclasses()
    print(
        json.dumps(
            [
                model.model,
                model.half,
                training.learning_rate,
                training.output_dir,
                training.logging_nan_inf_filter,
            ]
        )
    )
