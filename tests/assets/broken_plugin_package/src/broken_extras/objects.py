"""Objects of a wrong type, with a wrong name, or that fail when they are used."""

from nnlab.plugins import FigurePlugin, OptimizerPlugin

NUMBER = 3


def fail(*arguments, **options):
    raise RuntimeError("this never works")


class FailingRule:
    """Failing rule.

    Detects: nothing.

    Why it matters: it does not.

    What to try: nothing.
    """

    code = "BAD001"
    name = "failing rule"
    remedy = "none"

    def check(self, context):
        """Needs nothing."""
        raise RuntimeError("this never works")


FAILING_RULE = FailingRule()
OTHER_NAME = OptimizerPlugin(name="another", summary="none", build=fail)
FAILS = OptimizerPlugin(name="fails", summary="raises an error", defaults={"lr": 0.1}, build=fail)
FAILING_FIGURE = FigurePlugin(name="fails", summary="raises an error", prepare=fail)
