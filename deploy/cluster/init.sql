CREATE DATABASE IF NOT EXISTS breakeven ENGINE = Replicated('/clickhouse/databases/breakeven', '{shard}', '{replica}')
