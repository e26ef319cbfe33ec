(s.project = '' OR <chosen: project>) AND <chosen: feature>
