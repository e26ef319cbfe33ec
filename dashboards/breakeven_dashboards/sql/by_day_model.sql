-- Dollars, known and estimated, by UTC day and model: the eight dearest models of the period, the others in one.
<by_day: model, (none)>
