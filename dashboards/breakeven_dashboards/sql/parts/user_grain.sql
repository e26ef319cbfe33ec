if($__conditionalAll(0=1, $environment) AND $__conditionalAll(0=1, $tenant), 'user_day', 'minute')
