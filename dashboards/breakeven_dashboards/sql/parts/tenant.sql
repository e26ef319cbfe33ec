$__conditionalAll(if(s.tenant = '', '(none)', s.tenant) IN (${tenant:singlequote}), $tenant)
