-- Names of environments, the dearest first. A backslash is doubled in the value: Grafana's :singlequote leaves it as it is.
<names: environment, (none), day> AND <chosen: project>
<dearest_first>
