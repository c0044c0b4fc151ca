import { describe, expect, test } from '@jest/globals';
import { version } from '../../src/version.ts';
import { run } from './run.ts';

const commands = 'serve total flush schema recover writers copy doctor healthcheck'.split(' ');

describe('help', () => {
  test('lists the commands, and says which one is the default', async () => {
    const { code, out, err } = await run('--help');
    expect([code, err]).toEqual([0, '']);
    for (const command of commands) expect(out).toContain(`adcounter ${command}`);
    expect(out).toMatch(/serve[^]*\[default\]/);
  });

  test.each(commands)('%s has examples, --json and --quiet', async (command) => {
    const { code, out } = await run(command, '--help');
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`Examples:\n  adcounter ${command}`));
    expect(out).toContain('--json');
    expect(out).toContain('--quiet');
  });

  test('serve has a flag for every setting; a command only for those that it heeds', async () => {
    const serve = (await run('serve', '--help')).out;
    for (const flag of ['--http-port', '--hbase-zookeeper', '--read-keys-file', '--url']) {
      expect(serve).toContain(flag);
    }
    expect((await run('total', '--help')).out).not.toContain('--hbase');
    expect((await run('total', 'x', '--hbase-salts', '4')).code).toBe(2);
  });

  test('--version says the version', async () => {
    expect(await run('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });
});

describe('wrong use ends with 2 and says why on stderr', () => {
  const wrong: readonly [string[], string][] = [
    [['total'], '(adcounter total --help shows what there is)'],
    [['total', ''], 'cannot be an ad'],
    [['total', '..'], 'cannot be an ad'],
    [['total', 'a', 'b'], 'Unknown argument: b'],
    [['total', 'a', '--from'], 'from'],
    [['flush', '--bogus'], 'Unknown argument: bogus'],
    [['serve', '--flush-second', '3'], 'Unknown argument: flush-second ('],
    [['remove'], 'Unknown argument: remove (adcounter --help shows what there is)'],
    [['schema'], 'Not enough'],
    [['schema', 'drop'], '"print", "create", "verify"'],
    [['writers', 'list', '8f1c22ab01d7e640'], 'takes no id'],
    [['writers', 'lost'], 'needs the id of a writer'],
    [['writers', 'lost', '8f1c22ab01d7e641'], 'needs the id of a writer'],
    [['writers', 'forget'], '"list", "lost"'],
    [['copy'], 'ADCOUNTER_HBASE_ZOOKEEPER is missing'],
    [['copy', '--store', 'hbase'], 'store'],
    [['recover', '--store', 'redis'], '--store="redis"'],
    [['flush', '--url', 'nowhere'], '--url="nowhere" must be a http:// or https:// address'],
    [['serve', '--flush-seconds', '7'], '--flush-seconds="7" must divide 60'],
  ];
  test.each(wrong)('%j', async (args, why) => {
    const { code, out, err } = await run(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(why);
    expect(err).toMatch(/^adcounter: /);
  });

  test('every mistake of the settings has a line of its own', async () => {
    const { code, err } = await run('serve', '--http-port', 'x', '--ack', 'disk', '--url', 'y');
    expect(code).toBe(2);
    expect(err.trimEnd().split('\n')).toHaveLength(3);
  });
});
