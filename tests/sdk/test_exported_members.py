from pathlib import Path

import breakeven
from breakeven import attributes, testing


def test_the_package_exports_its_public_names_sorted() -> None:
    assert breakeven.__all__ == sorted(breakeven.__all__, key=str)
    assert set(breakeven.__all__) == {
        "FeatureSpanProcessor",
        "attach",
        "carrier",
        "feature",
        "flush",
        "init",
        "record",
        "shutdown",
        "task",
    }
    assert all(hasattr(breakeven, name) for name in breakeven.__all__)


def test_the_testing_module_exports_its_public_names() -> None:
    assert testing.__all__ == ["captured_spans", "raise_errors"]


def test_attribute_names_are_different_from_each_other() -> None:
    names = [value for key, value in vars(attributes).items() if key.isupper()]
    assert len(names) == len(set(names))


def test_every_attribute_is_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "attributes.md").read_text()
    names = {key: value for key, value in vars(attributes).items() if key.isupper() and "SEPARATOR" not in key}
    missing = [name for name in names.values() if f"`{name}`" not in page and f"`{name}NAME`" not in page]
    assert missing == []
