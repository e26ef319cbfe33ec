$__conditionalAll(if(s.environment = '', '(none)', s.environment) IN (${environment:singlequote}), $environment)
