"""The policy of a release's large-trader tier in sentences, the same in plans, bundles and on a trader's page."""

from fractions import Fraction

from release.amounts import written


def policy_sentences(rho: Fraction, ceiling: Fraction, *, assumed: bool) -> tuple[str, ...]:
    """Return what the tier means, for people who aren't statisticians.

    Args:
        rho: the loss that everyone has.
        ceiling: the largest loss that any trader can have.
        assumed: whether the office assumes that no trader is above the ceiling.
    """
    beyond = (
        "The office assumes that no trader is above the ceiling; whatever rests on that says so."
        if assumed
        else "What is cut off traders above the ceiling isn't bounded."
    )
    return (
        f"Everyone has the loss rho {written(rho)}. What the bound cuts off large traders is measured by a second,"
        f" independent draw. A trader's loss is then P(v) = rho + |b(v)|^2 / (2 * 4^24), at most the ceiling"
        f" {written(ceiling)}: b(v) is its excess over the bound, which it can compute from its own figures with"
        " `mirrors protect`. For a trader that fits the bound it is rho.",
        "The largest firms have no useful protection: whoever knows the others' figures can tell theirs to a few per"
        " cent or better.",
        "How large any trader's loss came out, and how many traders are large, is published nowhere.",
        beyond,
    )


def requests_sentence(*, on_request: bool) -> str:
    """Return what becomes of traders who ask for protection."""
    if on_request:
        return (
            "Traders who asked the office for protection stay in the uniform tier alone, whatever their size; who and"
            " how many they are isn't published. What is cut off them is in no figure, so `exposure` isn't bounded."
        )
    return "This release keeps no list of traders who asked for protection: the rule is the same for everyone."
