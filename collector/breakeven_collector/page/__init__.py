"""The page at `/`: the bill in the browser. docs/page.md says what is where, and what it takes from where."""
