-- Names of models, the dearest first. A backslash is doubled in the value: Grafana's :singlequote leaves it as it is.
<names: model, (none), day> AND <chosen: project, environment, feature>
<dearest_first>
