// What a person reads, letter for letter: test/golden/doctor.txt. Times, ports and free bytes are
// made the same before; all else is what a cluster in containers looks like from outside.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { checkOf, type Check } from '../../src/doctor/check.ts';
import { Printer, reportOf, summaryOf } from '../../src/doctor/report.ts';
import { fakeCluster, findings } from './fake-cluster.ts';

function alike(check: Check, folder: string): Check {
  const same = (text: string): string =>
    text
      .replaceAll(folder, 'adcounter-data')
      .replaceAll(/[\d.]+ ms/g, '7 ms')
      .replaceAll(/[\d.]+ GiB/g, '40.0 GiB')
      .replaceAll(/\((ENOTFOUND|EAI_AGAIN|TIMEOUT)\)/g, '(ENOTFOUND)')
      .replaceAll(/:(?!2181)\d{4,5}\b/g, ':16020');
  const { subject, seen, cause, fix, ms } = check;
  return {
    ...check,
    subject: same(subject),
    seen: same(seen),
    cause: cause === null ? null : same(cause),
    fix: fix.map((way) => same(way)),
    ms: ms === null ? null : 7,
  };
}

test('the whole text for a cluster in containers', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'adcounter-doctor-'));
  const cluster = await fakeCluster({ hosts: ['hbase-regionserver-1', '3f2a9c01b7de'] });
  const zookeeper = `127.0.0.1:9,127.0.0.1:${cluster.zookeeper.port}`;
  const found = await findings(zookeeper, { 'data-dir': folder });
  await cluster.close();
  await rm(folder, { recursive: true });
  const checks = found.map((check) => alike(check, folder));
  const text =
    new Printer({ quiet: false }).print(checks) + `${summaryOf(reportOf('hbase', checks))}\n`;
  expect(text).toBe(readFileSync('test/golden/doctor.txt', 'utf8'));
}, 30_000);

test('quiet: only what is wrong, and nothing where nothing is', () => {
  const { ok, warn, skipped } = checkOf('layout');
  const printer = new Printer({ quiet: true });
  expect(printer.print([ok('fine'), skipped('later')])).toBe('');
  expect(printer.print([ok('fine'), warn('odd', { cause: 'Why.', fix: ['Do.'] })])).toBe(
    ['warn           layout: odd', '               why  Why.', '               fix  Do.', ''].join(
      '\n',
    ),
  );
});

function fail(subject: string, seen: string): Check {
  return checkOf('table', subject).fail(seen, { cause: 'Why.', fix: ['Do.'] });
}

test('what stands alike is one line, and a fix that was said is not said again', () => {
  const text = new Printer({ quiet: false }).print([
    fail('a', 'x'),
    fail('b', 'x'),
    fail('c', 'y'),
  ]);
  expect(text).toContain('table a, b: x');
  expect(text.match(/fix {2}.*/g)).toEqual(['fix  Do.', 'fix  as above']);
});

test('lines end before the hundredth column, but for what is to be copied', () => {
  const line = `ADCOUNTER_HBASE_HOST_MAP=${'x'.repeat(120)}`;
  const words = Array.from({ length: 60 }, (_, i) => `word${i}`).join(' ');
  const check = checkOf('znode').fail(words, { cause: words, fix: [line, words] });
  const lines = new Printer({ quiet: false }).print([check]).split('\n');
  expect(lines.filter((text) => text.length > 100).map((text) => text.trim())).toEqual([
    `fix  ${line}`,
  ]);
});

test('a failure is the outcome of the whole, a warning is not', () => {
  const { ok, warn } = checkOf('znode');
  expect(reportOf('hbase', [ok('x'), warn('x', {})]).outcome).toBe('ok');
  expect(reportOf('hbase', [ok('x'), fail('a', 'x')])).toMatchObject({
    outcome: 'fail',
    counts: { ok: 1, warn: 0, fail: 1, skipped: 0 },
  });
});
