s.counted IN ('yes', 'late') AND <range>
