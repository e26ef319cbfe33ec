s.counted IN ('yes', 'late') AND s.at >= toStartOfDay($__fromTime, 'UTC') AND s.at <= $__toTime
