toStartOfDay($__fromTime, 'UTC') AS first,
    <over> AS after,
    subtractSeconds(first, dateDiff('second', first, after)) AS before,
    -- As far into the period before as the present is into this one; its end where this one is over.
    least(first, subtractSeconds(toStartOfFifteenMinutes(now('UTC')), dateDiff('second', first, after))) AS cut
