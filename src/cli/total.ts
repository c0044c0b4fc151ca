// `adcounter total <ad>`: what the store has confirmed for an ad, by a running service.
import { cliTimeoutMs } from '../limits.ts';
import { ask, textOf, type Answer } from './ask.ts';
import { exitCodes, type Command, type ExitCode, type Invocation } from './command.ts';

export const totalCommand: Command = {
  usage: 'total <ad>',
  summary: 'Total of an ad, over all its sites',
  examples: [
    ['total spring-sale', 'everything kept, the current quarter-hour included'],
    ['total spring-sale --from 2026-05-01T00:00Z --to 2026-06-01T00:00Z', 'one month'],
    ['total spring-sale --fresh --quiet', 'flush first; print the impressions alone'],
  ],
  settings: ['URL', 'READ_KEYS', 'READ_KEYS_FILE'],
  opensStore: () => false,
  options: (yargs) =>
    yargs
      .positional('ad', { type: 'string', demandOption: true, description: 'The ad' })
      .option('from', { type: 'string', requiresArg: true, description: 'ISO instant, included' })
      .option('to', { type: 'string', requiresArg: true, description: 'ISO instant, not included' })
      .option('fresh', { type: 'boolean', description: 'Flush the service first' }),
  run: total,
};

async function total(invocation: Invocation): Promise<ExitCode> {
  const { argv, config, json, quiet, terminal } = invocation;
  const ad = String(argv['ad']);
  const part = pathPartOf(ad);
  if (part === undefined) {
    terminal.err(`adcounter: ${JSON.stringify(ad)} cannot be an ad\n`);
    return exitCodes.wrongUse;
  }
  const query = new URLSearchParams();
  for (const name of ['from', 'to']) {
    if (typeof argv[name] === 'string') query.set(name, argv[name]);
  }
  if (argv['fresh'] === true) query.set('fresh', 'true');
  const path = `/v1/ads/${part}${query.size > 0 ? `?${query.toString()}` : ''}`;
  const keys = config.readKeys;
  const answer = await ask(invocation, { method: 'GET', path, keys, timeoutMs: cliTimeoutMs });
  if (typeof answer === 'number') return answer;

  const { impressions } = countsOf(answer.body);
  if (json) terminal.out(`${JSON.stringify(answer.body)}\n`);
  else if (quiet) terminal.out(`${impressions}\n`);
  else terminal.out(describe(ad, answer.body));
  return exitCodes.fine;
}

function describe(ad: string, body: Answer['body']): string {
  const { impressions, clicks, unflushed } = countsOf(body);
  const range = `${textOf(body['from'])} to ${textOf(body['to'])}`;
  const complete = body['completeThrough'];
  const lines = [
    `${ad}${body['known'] === false ? ' (nothing of it is stored)' : ''}`,
    `  impressions  ${impressions}`,
    `  clicks       ${clicks}`,
    ...(unflushed === 0 ? [] : [`  unflushed    ${unflushed} more, not yet in the store`]),
    `  range        ${range}`,
    `  complete     ${complete === null ? 'nobody wrote yet' : `through ${textOf(complete)}`}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** A dot, two dots or half a character are no ids, and would ask for something else. */
function pathPartOf(ad: string): string | undefined {
  if (ad === '' || ad === '.' || ad === '..') return undefined;
  try {
    return encodeURIComponent(ad);
  } catch {
    return undefined;
  }
}

interface Total {
  readonly impressions?: { readonly counted?: number };
  readonly clicks?: { readonly counted?: number };
  readonly unflushed?: { readonly impressions?: number; readonly clicks?: number };
}

function countsOf(body: Answer['body']) {
  const { impressions, clicks, unflushed } = body as Total;
  return {
    impressions: impressions?.counted ?? 0,
    clicks: clicks?.counted ?? 0,
    unflushed: (unflushed?.impressions ?? 0) + (unflushed?.clicks ?? 0),
  };
}
