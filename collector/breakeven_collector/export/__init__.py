"""Data for other programs: tables and promised views, and the bill in FOCUS."""
