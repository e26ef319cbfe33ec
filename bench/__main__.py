"""`make bench`: run all measurements and print them."""

from rich.console import Console
from rich.table import Table

from bench import ingest, sdk, streams
from bench.measure import Result

console = Console()


def main() -> None:
    """Measure and print, one table a subject."""
    for subject, measure in (
        ("SDK", sdk.measure),
        ("Streams and estimates", streams.measure),
        ("Collector", ingest.measure),
    ):
        table = Table("What", "Ours", "Against", "Ratio", title=subject, title_justify="left")
        with console.status(f"Measuring: {subject}"):
            results: list[Result] = measure()
        for result in results:
            table.add_row(result.what, result.ours, result.against, result.ratio)
        console.print(table)


main()
