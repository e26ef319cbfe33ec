-- Number of the last pass in a month, 0 where there was none.
SELECT max(pass) FROM spend_slices WHERE toYYYYMM(slice) = {month:UInt32}
