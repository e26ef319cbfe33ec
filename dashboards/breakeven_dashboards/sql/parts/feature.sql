$__conditionalAll(if(s.feature = '', '(unallocated)', s.feature) IN (${feature:singlequote}), $feature)
