import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { settingsTable } from './support/settings-table.ts';

// oxlint-disable-next-line jest/no-disabled-tests -- a copy of src/ alone has no README to compare
const testWithReadme = existsSync('README.md') ? test : test.skip;

testWithReadme('the README shows the settings as they are', () => {
  // If it differs: npx tsx test/support/settings-table.ts prints the table anew.
  expect(readFileSync('README.md', 'utf8')).toContain(settingsTable());
});
