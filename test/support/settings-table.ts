// The settings as the README shows them. Printed by: npx tsx test/support/settings-table.ts
import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';
import { settingSources } from '../../src/settings.ts';

/** A Markdown table: variable, flag, default, meaning. */
export function settingsTable(): string {
  const rows = settingSources().map((source) => [
    `\`${source.environment}\``,
    `\`--${source.flag}\``,
    source.default === '' ? '' : `\`${source.default}\``,
    source.description.replaceAll('|', '\\|'),
  ]);
  const table = [['variable', 'flag', 'default', 'meaning'], ['---', '---', '---', '---'], ...rows];
  return table.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  process.stdout.write(`${settingsTable()}\n`);
}
