ALTER TABLE spend_slices
    COMMENT COLUMN counted 'yes: part of the bill; late: too, of calls that came after their minute was sealed; duplicate, wrapper, late_duplicate, late_wrapper: removed from it'
