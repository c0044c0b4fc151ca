# The tables of adcounter, for hbase-shell; printed by `adcounter schema print`.
# Prefix adcounter_, 16 salts, retention 400 days.
create 'adcounter_counts',
  { NAME => 'c', VERSIONS => 1, BLOOMFILTER => 'ROW', DATA_BLOCK_ENCODING => 'FAST_DIFF', TTL => 35164800 },
  SPLITS => ["\x01", "\x02", "\x03", "\x04", "\x05", "\x06", "\x07", "\x08", "\x09", "\x0a", "\x0b", "\x0c", "\x0d", "\x0e", "\x0f"]
create 'adcounter_summaries',
  { NAME => 'c', VERSIONS => 1, BLOOMFILTER => 'ROW', DATA_BLOCK_ENCODING => 'FAST_DIFF', TTL => 35164800 },
  SPLITS => ["\x01", "\x02", "\x03", "\x04", "\x05", "\x06", "\x07", "\x08", "\x09", "\x0a", "\x0b", "\x0c", "\x0d", "\x0e", "\x0f"]
create 'adcounter_sites',
  { NAME => 'c', VERSIONS => 1, BLOOMFILTER => 'ROW', DATA_BLOCK_ENCODING => 'FAST_DIFF', TTL => 35164800 },
  SPLITS => ["\x01", "\x02", "\x03", "\x04", "\x05", "\x06", "\x07", "\x08", "\x09", "\x0a", "\x0b", "\x0c", "\x0d", "\x0e", "\x0f"]
create 'adcounter_meta',
  { NAME => 'c', VERSIONS => 1, BLOOMFILTER => 'ROW', DATA_BLOCK_ENCODING => 'FAST_DIFF' }
create 'adcounter_tokens',
  { NAME => 'c', VERSIONS => 1, BLOOMFILTER => 'ROW', DATA_BLOCK_ENCODING => 'FAST_DIFF', TTL => 345600 },
  SPLITS => ["\x10", "\x20", "\x30", "\x40", "\x50", "\x60", "\x70", "\x80", "\x90", "\xa0", "\xb0", "\xc0", "\xd0", "\xe0", "\xf0"]
