"""When does it pay to host a feature's model: pure functions over plain data. docs/economics.md explains the model.

Nothing here reads a store. Projections are `float`: what is summed from bills is Decimal elsewhere and converted at
the door. A month is 730 hours, shares are 0 to 1, and whatever does not exist is None with a reason, never 0.
"""
