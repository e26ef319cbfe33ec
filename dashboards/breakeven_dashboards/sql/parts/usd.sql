if(known_usd IS NULL AND estimated_usd IS NULL, NULL, ifNull(known_usd, 0) + ifNull(estimated_usd, 0))
