"""Weight initialisations; biases start at `bias_init`. Code: `nnlab.engine.initializers`."""

from nnlab.catalogue.choice import Choice

# Value of `init_gain`: the gain of the activation that follows the layer.
ACTIVATION_GAIN = "activation"
# Before `init_gain` existed, xavier was scaled by the gain of the activation, too.
_EARLIER_XAVIER = {"init_gain": ACTIVATION_GAIN}

INITIALIZERS = (
    Choice(
        "msra",
        "normal, sd gain / sqrt(fan_in): preserves the scale forward (with fan_out, backward)",
        "He et al. 2015",
        defaults={"init_scale": 1.0, "init_gain": ACTIVATION_GAIN, "fan": "in"},
        display_name="MSRA init",
    ),
    Choice(
        "xavier",
        "uniform, sd sqrt(2 / (fan_in + fan_out)), for any activation: a compromise of forward and"
        " backward",
        "Glorot and Bengio 2010, eq. 16",
        defaults={"init_scale": 1.0, "init_gain": 1.0},
        display_name="Xavier init",
        earlier_values=_EARLIER_XAVIER,
    ),
    Choice(
        "xavier_normal",
        "normal, with the sd of xavier",
        "Glorot and Bengio 2010",
        defaults={"init_scale": 1.0, "init_gain": 1.0},
        display_name="Xavier normal init",
        earlier_values=_EARLIER_XAVIER,
    ),
    Choice(
        "orthogonal",
        "orthonormal rows or columns times the gain",
        "Saxe et al. 2014",
        defaults={"init_scale": 1.0, "init_gain": ACTIVATION_GAIN},
        display_name="orthogonal init",
    ),
    Choice(
        "lsuv",
        "orthogonal, then each layer scaled until its outputs on training data have sd 1",
        "Mishkin and Matas 2016",
        defaults={"init_scale": 1.0},
        display_name="LSUV init",
    ),
    Choice(
        "normal",
        "normal, sd 0.01 for every width: signals vanish in deep networks",
        defaults={"init_scale": 0.01},
        display_name="normal init",
    ),
    Choice(
        "uniform",
        "uniform between -0.05 and 0.05 for every width",
        defaults={"init_scale": 0.05},
        display_name="uniform init",
    ),
    Choice(
        "zeros",
        "all weights zero: every unit learns the same (for demonstration)",
        display_name="zero init",
    ),
    Choice(
        "default",
        "depends on the activation: msra for relu and similar, xavier times the gain for tanh,"
        " sigmoid, softplus and identity, normal with sd 1 / sqrt(fan_in) for selu",
        defaults={"init_scale": 1.0, "init_gain": ACTIVATION_GAIN},
        display_name="default init",
    ),
)
