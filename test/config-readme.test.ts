import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { settingsTable } from './support/settings-table.ts';

test('the README shows the settings as they are', () => {
  // A copy of the sources alone has no README to compare.
  const readme = existsSync('README.md') ? readFileSync('README.md', 'utf8') : settingsTable();
  // If it differs: npx tsx test/support/settings-table.ts prints the table anew.
  expect(readme).toContain(settingsTable());
});
