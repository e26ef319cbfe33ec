if($__conditionalAll(0=1, $environment), 'tenant_day', 'minute')
