"""Whether the API keeps the objectives that were declared, by what the calls show."""

from breakeven_collector.economics.evidence import Evidence


def missed(evidence: Evidence) -> list[str]:
    """Each objective that is not kept, in words; none where nothing is declared, or nothing was observed."""
    wanted, found = evidence.objectives, list[str]()
    seconds, failed = evidence.p95_seconds, evidence.error_share
    if wanted.p95_seconds is not None and seconds is not None and seconds > wanted.p95_seconds:
        found.append(f"95 in 100 calls take up to {seconds:.1f} s, {wanted.p95_seconds:g} s are declared")
    if wanted.error_share is not None and failed is not None and failed > wanted.error_share:
        found.append(f"{failed:.1%} of the calls fail, {wanted.error_share:.1%} are declared")
    return found


def kept(evidence: Evidence) -> bool | None:
    """Whether all are; None: none is declared, or what is declared was not observed."""
    wanted = evidence.objectives
    pairs = [(wanted.p95_seconds, evidence.p95_seconds), (wanted.error_share, evidence.error_share)]
    held = [seen is not None for most, seen in pairs if most is not None]
    return not missed(evidence) if held and all(held) else None
