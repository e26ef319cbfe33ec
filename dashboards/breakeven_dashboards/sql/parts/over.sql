addDays(toStartOfDay(subtractSeconds($__toTime, 1), 'UTC'), 1)
