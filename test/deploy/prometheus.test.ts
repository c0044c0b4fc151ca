import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Metrics } from '../../src/metrics.ts';
import { passPromtool, testWithPromtool } from '../support/promtool.ts';

const folder = 'deploy/prometheus';

describe('what Prometheus is given', () => {
  testWithPromtool('the scrape snippet is a valid configuration', () => {
    passPromtool(['check', 'config', `${folder}/prometheus.yml`]);
  });

  testWithPromtool('the alert rules are valid', () => {
    passPromtool(['check', 'rules', '--lint-fatal', `${folder}/alerts.yml`]);
  });

  testWithPromtool('each alert fires when it should, and not before', () => {
    passPromtool(['test', 'rules', `${folder}/alerts.test.yml`]);
  });

  test('the nine alerts ask for metrics that the service has', async () => {
    const metrics = new Metrics({ version: '0' });
    metrics.observeProcess();
    const { text } = await metrics.scrape();
    const rules = readFileSync(`${folder}/alerts.yml`, 'utf8');
    expect(rules.match(/- alert: (\w+)/g)).toHaveLength(9);
    const names = rules.match(/\b(adcounter_\w+|process_\w+)/g) ?? [];
    expect(names.length).toBeGreaterThan(4);
    for (const name of new Set(names)) expect(text).toContain(`# TYPE ${name} `);
  });
});
