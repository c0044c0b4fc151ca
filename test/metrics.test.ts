import { describe, expect, test } from '@jest/globals';
import { rejectionReasons } from '../src/http/check-event.ts';
import type { HttpMetrics } from '../src/http/ports.ts';
import { rejectReasons, writerStates } from '../src/metric-definitions.ts';
import { Metrics, type GaugeSource } from '../src/metrics.ts';
import { writerStates as registryStates } from '../src/store/registry.ts';
import { passPromtool, testWithPromtool } from './support/promtool.ts';

const startMs = Date.UTC(2026, 0, 1);

function metricsAt(nowMs = startMs): Metrics {
  return new Metrics({ version: '1.2.3', nowMs: () => nowMs });
}

function source(values: Partial<GaugeSource> = {}): GaugeSource {
  return {
    openCells: () => 7,
    dirtyCells: () => 3,
    memoryBytes: () => 4096,
    journalBytes: () => 2 ** 30,
    dataDirFreeBytes: () => 2 ** 40,
    cellsSetAside: () => 1,
    quartersInDoubt: () => 2,
    ledgerUnflushed: () => 30,
    completeThroughSeconds: () => 1_767_225_600,
    writersByState: () => ({ open: 2, dead: 1, sealed: 5, lost: 0, unreadable: 0 }),
    writersBegunWithinHour: () => 3,
    clockSkewSeconds: () => -0.25,
    flushIntervalSeconds: () => 30,
    ...values,
  };
}

/** Each sample of the scrape: `name{labels}` → value. */
async function samplesOf(metrics: Metrics): Promise<Map<string, number>> {
  const { text } = await metrics.scrape();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const blank = line.lastIndexOf(' ');
      return [line.slice(0, blank), Number(line.slice(blank + 1))];
    }),
  );
}

function countOf(samples: Map<string, number>, name: string): number {
  return [...samples.keys()].filter((key) => key.startsWith(`${name}{`)).length;
}

describe('before anything happened', () => {
  test('every label set stands at 0', async () => {
    const samples = await samplesOf(metricsAt());
    const expected = {
      adcounter_events_total: 2 * 5,
      adcounter_events_filtered_total: 2 * 4,
      adcounter_events_rejected_total: 12,
      adcounter_ledger_counts: 5,
      adcounter_flushes_total: 4,
      adcounter_journal_errors_total: 4,
      adcounter_store_retries_total: 4,
      adcounter_store_request_duration_seconds_count: 4 * 2,
      adcounter_writers: 5,
      adcounter_job_last_success_timestamp_seconds: 2,
    };
    for (const [name, sets] of Object.entries(expected)) {
      expect({ [name]: countOf(samples, name) }).toEqual({ [name]: sets });
    }
    const notZero = [...samples].filter(([, value]) => value !== 0).map(([name]) => name);
    expect(notZero).toEqual([expect.stringMatching(/^adcounter_build_info/)]);
    expect(samples.get('adcounter_events_total{measure="clicks",result="rejected"}')).toBe(0);
    expect(
      samples.get(
        'adcounter_http_request_duration_seconds_count{method="POST",route="/v1/clicks",code="503"}',
      ),
    ).toBe(0);
  });

  test('the labels are the words of the rooms that count', () => {
    expect(rejectReasons).toEqual(expect.arrayContaining([...rejectionReasons]));
    expect([...writerStates].sort()).toEqual([...registryStates, 'dead', 'unreadable'].sort());
  });

  test('two services in one process do not share a number', async () => {
    const [one, other] = [metricsAt(), metricsAt()];
    one.events('impressions', 'counted', 5);
    const name = 'adcounter_events_total{measure="impressions",result="counted"}';
    expect((await samplesOf(one)).get(name)).toBe(5);
    expect((await samplesOf(other)).get(name)).toBe(0);
  });
});

describe('the ledger', () => {
  test('is journaled = confirmed + unflushed, and unaccounted says what is missing', async () => {
    const metrics = metricsAt();
    let unflushed = 30;
    metrics.observe(source({ ledgerUnflushed: () => unflushed }));
    metrics.ledgerJournaled(100);
    metrics.ledgerConfirmed(70);
    let samples = await samplesOf(metrics);
    expect(samples.get('adcounter_ledger_counts{state="journaled"}')).toBe(100);
    expect(samples.get('adcounter_ledger_counts{state="confirmed"}')).toBe(70);
    expect(samples.get('adcounter_ledger_counts{state="unflushed"}')).toBe(30);
    expect(samples.get('adcounter_unaccounted_counts')).toBe(0);

    unflushed = 29;
    samples = await samplesOf(metrics);
    expect(samples.get('adcounter_unaccounted_counts')).toBe(1);
  });

  test('is read in one go: counting between two readings of a scrape never shows', async () => {
    const metrics = metricsAt();
    let unflushed = 0;
    metrics.observe(source({ ledgerUnflushed: () => unflushed }));
    const scrape = samplesOf(metrics);
    metrics.ledgerJournaled(10);
    unflushed = 10;
    expect((await scrape).get('adcounter_ledger_counts{state="journaled"}')).toBe(0);
    expect((await scrape).get('adcounter_unaccounted_counts')).toBe(0);
  });

  test('is exact beyond what a float of 32 bits or a printed exponent could hold', async () => {
    const metrics = metricsAt();
    metrics.observe(source({ ledgerUnflushed: () => 1 }));
    metrics.ledgerJournaled(2 ** 52 + 1);
    metrics.ledgerConfirmed(2 ** 52);
    expect((await metrics.scrape()).text).toContain('{state="journaled"} 4503599627370497\n');
    expect((await samplesOf(metrics)).get('adcounter_unaccounted_counts')).toBe(0);
  });
});

describe('what is called', () => {
  test('shows in the scrape', async () => {
    const metrics = metricsAt(startMs + 500);
    metrics.observe(source());
    metrics.rejected('site_missing', 2);
    metrics.unknownFields(3);
    metrics.flushDone({ outcome: 'success', seconds: 0.2, cells: 400 });
    metrics.flushSkipped();
    metrics.journalSync(0.002);
    metrics.journalError('torn');
    metrics.replayedEvents(12);
    metrics.storeRequest('Multi', 'error', 1.5);
    metrics.storeRequest('CreateTable', 'success', 2);
    metrics.storeRetry('Multi');
    metrics.storeRelocation();
    metrics.storeConnections(4);
    metrics.storeUp(true);
    metrics.jobDone('aside', 0.1);
    metrics.request('GET', '/v1/ads/{ad}', 404, 0.01);
    const samples = await samplesOf(metrics);
    const expected: Record<string, number> = {
      'adcounter_events_rejected_total{reason="site_missing"}': 2,
      adcounter_unknown_fields_total: 3,
      'adcounter_flushes_total{outcome="success"}': 1,
      'adcounter_flushes_total{outcome="skipped"}': 1,
      adcounter_flush_duration_seconds_sum: 0.2,
      adcounter_flush_cells_sum: 400,
      adcounter_flush_last_success_timestamp_seconds: startMs / 1000 + 0.5,
      adcounter_flush_last_attempt_timestamp_seconds: startMs / 1000 + 0.5,
      adcounter_journal_sync_duration_seconds_sum: 0.002,
      'adcounter_journal_errors_total{kind="torn"}': 1,
      adcounter_journal_replayed_events_total: 12,
      'adcounter_store_request_duration_seconds_sum{op="multi",outcome="error"}': 1.5,
      'adcounter_store_request_duration_seconds_sum{op="create_table",outcome="success"}': 2,
      'adcounter_store_retries_total{op="multi"}': 1,
      adcounter_store_relocations_total: 1,
      adcounter_store_connections: 4,
      adcounter_store_up: 1,
      'adcounter_job_duration_seconds{job="aside"}': 0.1,
      'adcounter_job_last_success_timestamp_seconds{job="aside"}': startMs / 1000 + 0.5,
      'adcounter_http_request_duration_seconds_count{method="GET",route="/v1/ads/{ad}",code="404"}': 1,
      adcounter_open_cells: 7,
      adcounter_dirty_cells: 3,
      adcounter_memory_bytes: 4096,
      adcounter_journal_bytes: 2 ** 30,
      adcounter_data_dir_free_bytes: 2 ** 40,
      adcounter_cells_set_aside: 1,
      adcounter_complete_through_timestamp_seconds: 1_767_225_600,
      'adcounter_writers{state="open"}': 2,
      'adcounter_writers{state="dead"}': 1,
      'adcounter_writers{state="sealed"}': 5,
      adcounter_clock_skew_seconds: -0.25,
      adcounter_flush_interval_seconds: 30,
    };
    for (const [name, value] of Object.entries(expected)) {
      expect({ [name]: samples.get(name) }).toEqual({ [name]: value });
    }
  });

  test('a round that failed is an attempt, not a success', async () => {
    const metrics = metricsAt();
    metrics.flushDone({ outcome: 'partial', seconds: 1, cells: 1 });
    const samples = await samplesOf(metrics);
    expect(samples.get('adcounter_flush_last_attempt_timestamp_seconds')).toBe(startMs / 1000);
    expect(samples.get('adcounter_flush_last_success_timestamp_seconds')).toBe(0);
  });

  test('nobody ever wrote: complete through 0, not NaN', async () => {
    const metrics = metricsAt();
    metrics.observe(source({ completeThroughSeconds: () => undefined }));
    const samples = await samplesOf(metrics);
    expect(samples.get('adcounter_complete_through_timestamp_seconds')).toBe(0);
    expect([...samples.values()].filter(Number.isNaN)).toEqual([]);
  });

  test('is all that the edge asks for', () => {
    const edge: HttpMetrics = metricsAt();
    expect(edge).toBeInstanceOf(Metrics);
  });
});

function busy(): Metrics {
  const metrics = metricsAt();
  metrics.observeProcess();
  metrics.observe(source());
  metrics.events('impressions', 'counted', 1);
  metrics.request('POST', '/v1/impressions', 202, 0.001);
  return metrics;
}

describe('the scrape', () => {
  testWithPromtool('passes promtool check metrics', async () => {
    passPromtool(['check', 'metrics'], (await busy().scrape()).text);
  });

  test('says what it is', async () => {
    expect((await busy().scrape()).contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  test('has the process beside ours, under 1,000 series', async () => {
    const samples = await samplesOf(busy());
    expect(
      samples.get('adcounter_build_info{version="1.2.3",node="' + process.versions.node + '"}'),
    ).toBe(1);
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(0);
    expect(samples.size).toBeLessThan(1_000);
  });

  test('knows no label that could carry an ad, a site, a key or an address', async () => {
    const { text } = await busy().scrape();
    const labels = new Set([...text.matchAll(/[{,](\w+)="/g)].map((match) => match[1]));
    const known = ['code', 'job', 'kind', 'le', 'measure', 'method', 'node', 'op', 'outcome'];
    const process = ['major', 'minor', 'patch', 'quantile', 'space', 'type'];
    const all = new Set([...known, ...process, 'reason', 'result', 'route', 'state', 'version']);
    expect([...labels].filter((label) => label !== undefined && !all.has(label))).toEqual([]);
  });
});
