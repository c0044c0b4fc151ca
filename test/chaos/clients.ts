// Which clients a run has: narrow ones at each level of acknowledgement, one event a request on a
// few sites; wide ones that together walk over all the distinct cells of a quarter.
import { seededRandom } from '../crash/random.ts';
import { Account, ackLevels } from './account.ts';
import type { AckLevel } from './account.ts';
import type { ClientOptions, Request } from './load.ts';

export interface ClientsOptions {
  readonly seed: number;
  readonly levels?: readonly AckLevel[];
  readonly narrowPerLevel: number;
  readonly wide: number;
  readonly sitesPerWide: number;
  readonly eventsPerRequest: number;
}

const narrowSites = 8;
const narrowRequests = 96;
const narrowCountsMax = 3;

export function clientsOf(options: ClientsOptions): ClientOptions[] {
  const random = seededRandom(options.seed);
  const clients: ClientOptions[] = [];
  for (const level of options.levels ?? ackLevels) {
    for (let i = 0; i < options.narrowPerLevel; i++) {
      const account = new Account(`${level}-${i}`, level);
      const requests = narrowOf(account.ad, random);
      clients.push({ account, requests, home: clients.length });
    }
  }
  for (let i = 0; i < options.wide; i++) {
    const account = new Account(`wide-${i}`, 'journal', true);
    clients.push({ account, requests: wideOf(account.ad, options), home: clients.length });
  }
  return clients;
}

function narrowOf(ad: string, random: () => number): Request[] {
  return Array.from({ length: narrowRequests }, () => {
    const site = `site-${Math.floor(random() * narrowSites)}`;
    const n = 1 + Math.floor(random() * narrowCountsMax);
    return { body: JSON.stringify({ ad, site, n }), n };
  });
}

function wideOf(
  ad: string,
  { sitesPerWide, eventsPerRequest }: { sitesPerWide: number; eventsPerRequest: number },
): Request[] {
  const requests: Request[] = [];
  for (let from = 0; from < sitesPerWide; from += eventsPerRequest) {
    const n = Math.min(eventsPerRequest, sitesPerWide - from);
    const events = Array.from({ length: n }, (_, i) => ({ ad, site: `wide-${from + i}` }));
    requests.push({ body: JSON.stringify(events), n });
  }
  return requests;
}
