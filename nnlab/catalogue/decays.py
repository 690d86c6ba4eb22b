"""Learning rate schedules, which start at lr0 after the warmup.

t is the number of epochs since the warmup, including fractions; T is the number of epochs after
the warmup; f is decay-floor. The code is in `nnlab.engine.schedules`.
"""

from nnlab.catalogue.choice import Choice

DECAYS = (
    Choice("none", "lr(t) = lr0", display_name="no decay"),
    Choice(
        "exp",
        "lr(t) = lr0 exp(-k t), k = decay-rate",
        defaults={"decay_rate": 0.05},
        display_name="exponential decay",
    ),
    Choice(
        "inv",
        "lr(t) = lr0 / (1 + k t), k = decay-rate",
        "Robbins and Monro 1951, eq. 6; Bottou 2012, section 5.2",
        defaults={"decay_rate": 0.05},
        display_name="1/t decay",
    ),
    Choice(
        "step",
        "lr(t) = lr0 factor^floor(t / every)",
        defaults={"decay_every": 10, "decay_factor": 0.5},
        display_name="step decay",
    ),
    Choice(
        "cosine",
        "lr(t) = lr0 (f + (1 - f) (1 + cos(pi t / T)) / 2); restarts divide T into equal cycles",
        "Loshchilov and Hutter 2017, eq. 5",
        defaults={"decay_restarts": 0, "decay_floor": 0.0},
        display_name="cosine decay",
    ),
    Choice(
        "linear",
        "lr(t) = lr0 (f + (1 - f) (1 - t / T))",
        "Devlin et al. 2019, appendix A.2",
        defaults={"decay_floor": 0.0},
        display_name="linear decay",
    ),
    Choice(
        "poly",
        "lr(t) = lr0 (f + (1 - f) (1 - t / T)^power)",
        "Chen et al. 2018, section 4.1",
        defaults={"decay_power": 0.9, "decay_floor": 0.0},
        display_name="polynomial decay",
    ),
    Choice(
        "multistep",
        "lr is multiplied by factor at each epoch (or share of all epochs) in decay-at",
        "He et al. 2016, section 4.2",
        defaults={"decay_at": "0.5,0.75", "decay_factor": 0.1},
        display_name="multi-step decay",
    ),
    Choice(
        "plateau",
        "lr is multiplied by factor if val/loss has no new best for decay-patience epochs",
        defaults={"decay_factor": 0.5, "decay_patience": 5},
        display_name="decay on plateau",
    ),
    Choice(
        "onecycle",
        "cosine from lr0/25 up to lr0 over a share of the epochs, then cosine down to f lr0",
        "Smith and Topin 2018, section 3",
        defaults={"decay_share": 0.3, "decay_floor": 0.0},
        display_name="one cycle",
    ),
    Choice(
        "wsd",
        "constant lr0, then linear to f lr0 over the last share of the epochs",
        "Hu et al. 2024, section 4.2; Haegele et al. 2024",
        defaults={"decay_share": 0.2, "decay_floor": 0.0},
        display_name="warmup-stable-decay",
    ),
    Choice(
        "task",
        "the schedulers of your own task, see --task file.py:NAME",
        tasks=("custom",),
    ),
    Choice(
        "module:",
        "your own: file.py:NAME or package.module:NAME, a function of t that returns lr(t) / lr0",
    ),
)
