s.day >= toDate($__fromTime, 'UTC') AND s.day <= toDate(subtractSeconds($__toTime, 1), 'UTC')
