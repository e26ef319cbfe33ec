$__conditionalAll(if(s.model = '', '(none)', s.model) IN (${model:singlequote}), $model)
