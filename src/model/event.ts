import type { AdId, SiteId } from './cell.ts';
import type { MeasureCode } from './measure.ts';

/** One item that somebody sent, already checked: n impressions or n clicks of an ad on a site. */
export interface AdEvent {
  readonly measure: MeasureCode;
  readonly ad: AdId;
  readonly site: SiteId;
  /** 1 to 1,000,000. */
  readonly n: number;
  /** When it happened, if the sender said so; ms since 1970 UTC, never after acceptance. */
  readonly tsMs: number | undefined;
}

/** What an acknowledgement promises: see `POST /v1/impressions?ack=`. */
export type Acknowledgement = 'memory' | 'journal' | 'store';
