s.counted IN ('yes', 'late') AND s.at >= before AND s.at < after AND <chosen>
    AND ((s.grain = <grain> AND (s.at >= first OR s.at < toStartOfDay(cut, 'UTC')))
        OR (s.grain = <part_grain> AND s.at >= toStartOfDay(cut, 'UTC') AND s.at < cut))
