s.at >= toStartOfDay($__fromTime, 'UTC') AND s.at < <over>
