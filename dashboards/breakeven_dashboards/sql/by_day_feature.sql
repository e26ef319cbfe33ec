-- Dollars, known and estimated, by UTC day and feature: the eight dearest features of the period, the others in one.
<by_day: feature, (unallocated)>
