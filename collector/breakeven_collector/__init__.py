"""The server of Breakeven: collector, ledger, prices, reports, command line."""
