// Senders that pour events in over keep-alive connections and keep the ledger: one ad each, the
// next request as soon as the last one is answered. Bounded: they stop when they are told.
import { Agent, request } from 'node:http';
import type { Ledger, Sent } from './ledger.ts';

export interface LoadOptions {
  readonly ledger: Ledger;
  readonly senders: number;
  readonly ack: 'memory' | 'journal' | 'store';
  /** Events on shared sites that each request carries. */
  readonly sharedEvents: number;
  readonly sharedSites: number;
  readonly random: () => number;
}

export class Load {
  readonly #options: LoadOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1000 });
  #address: string | undefined;
  #stopped = false;
  #senders: Promise<unknown>[] = [];
  inFlight = 0;
  /** Acknowledgements since the last restart. */
  sinceRestart = 0;
  #sequence = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  start(): void {
    for (let i = 0; i < this.#options.senders; i++) this.#senders.push(this.#send(`ad-${i}`));
  }

  /** Senders wait while there is no service. */
  aim(address: string | undefined): void {
    this.#address = address;
    this.sinceRestart = 0;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#senders);
    this.#agent.destroy();
  }

  async #send(ad: string): Promise<void> {
    while (!this.#stopped) {
      const address = this.#address;
      if (address === undefined) await wait(5);
      else await this.#sendOne(address, ad);
    }
  }

  async #sendOne(address: string, ad: string): Promise<void> {
    const { ledger, ack } = this.#options;
    const { sent, body } = this.#next(ad);
    this.inFlight++;
    const status = await this.#post(`${address}/v1/impressions?ack=${ack}`, body);
    this.inFlight--;
    // 200: the store has it too.
    if (status === 202 || status === 200) {
      ledger.acknowledge(sent);
      this.sinceRestart++;
    } else if (status === 'refused' || status === 'throttled') {
      ledger.refused++;
      await wait(20);
    } else {
      ledger.outcomeUnknown(sent);
    }
  }

  #next(ad: string): { readonly sent: Sent; readonly body: string } {
    const { sharedEvents, sharedSites } = this.#options;
    const mark = `mark-${this.#sequence++}`;
    const markN = 1 + Math.floor(this.#options.random() * 3);
    const events: object[] = [{ ad, site: mark, n: markN }];
    for (let i = 0; i < sharedEvents; i++) {
      events.push({ ad, site: `shared-${Math.floor(this.#options.random() * sharedSites)}` });
    }
    const sent = { ad, mark, markN, sharedN: sharedEvents };
    return { sent, body: JSON.stringify(events) };
  }

  /** Refused: no connection, so nothing was sent. Throttled: told that nothing was counted. */
  #post(url: string, body: string): Promise<number | 'refused' | 'throttled' | 'unknown'> {
    return new Promise((resolve) => {
      const headers = { 'content-type': 'application/json' };
      const sending = request(url, { method: 'POST', agent: this.#agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', () => resolve('unknown'));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const throttled =
            (response.statusCode === 503 || response.statusCode === 429) &&
            !text.includes('outcome');
          // Half an answer is none: the connection was cut.
          if (!response.complete) resolve('unknown');
          else resolve(throttled ? 'throttled' : (response.statusCode ?? 'unknown'));
        });
      });
      sending.on('error', (error: NodeJS.ErrnoException) => {
        resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'unknown');
      });
      sending.end(body);
    });
  }
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
