if($__conditionalAll(0=1, $tenant), 'quarter_hour', 'minute')
