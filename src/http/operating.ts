// What operators and their machines ask: probes, status, a flush on request, the scrape.
// Tells only what the rooms below say of themselves.
import { jsonAnswer } from './answer.ts';
import type { Handler } from './answer.ts';
import { Parameters } from './parameters.ts';
import type { HttpMetrics, Operating } from './ports.ts';
import { Problem } from './problems.ts';
import { momentText } from './queries.ts';
import { retryAfterSeconds } from '../limits.ts';

export interface OperatingHandlers {
  readonly livez: Handler;
  readonly readyz: Handler;
  readonly status: Handler;
  readonly flush: Handler;
  readonly metrics: Handler;
}

const noParameters: ReadonlySet<string> = new Set();

export function createOperating(operating: Operating, metrics: HttpMetrics): OperatingHandlers {
  return {
    livez: () => jsonAnswer(200, { status: 'ok' }),

    readyz: async () => {
      const { state, reasons } = await operating.readiness();
      if (state === 'ready') return jsonAnswer(200, { status: 'ok', reasons });
      if (state === 'degraded') return jsonAnswer(200, { status: 'degraded', reasons });
      throw new Problem('not_ready', `The service is ${state}.`, {
        headers: { 'Retry-After': String(retryAfterSeconds) },
        members: { state, reasons },
      });
    },

    status: async ({ query }) => {
      new Parameters(query).refuseOthers(noParameters);
      return jsonAnswer(200, await operating.status());
    },

    flush: async ({ query }) => {
      new Parameters(query).refuseOthers(noParameters);
      const { outcome, cells, ms, completeThroughMs } = await operating.flush();
      const completeThrough = momentText(completeThroughMs);
      return jsonAnswer(200, { outcome, cells, ms, completeThrough });
    },

    metrics: async () => {
      const { contentType, text } = await metrics.scrape();
      const headers = { 'Content-Type': contentType, 'Cache-Control': 'no-store' };
      return { status: 200, headers, body: text };
    },
  };
}
