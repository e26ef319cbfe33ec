if($__conditionalAll(0=1, $tenant), 'day', 'minute')
