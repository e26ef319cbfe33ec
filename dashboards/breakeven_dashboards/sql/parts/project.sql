$__conditionalAll(s.project IN (${project:singlequote}), $project)
