-- Names of features, the dearest first. A backslash is doubled in the value: Grafana's :singlequote leaves it as it is.
<names: feature, (unallocated), day> AND <chosen: project, environment>
<dearest_first>
