// What the edge needs from the rooms below; service.ts plugs them in.
import type { Accepting } from '../ingest/accept.ts';
import type { Acknowledgement } from '../model/event.ts';
import type { Asking } from '../query/answers.ts';

export interface Readiness {
  /** `starting`, `draining` and `failing` answer 503; `degraded` still counts. */
  readonly state: 'ready' | 'degraded' | 'starting' | 'draining' | 'failing';
  /** Named for an operator: `store_unreachable`, `schema_mismatch`, `clock`, `disk_full` … */
  readonly reasons: readonly string[];
}

export interface FlushAnswer {
  readonly outcome: 'success' | 'partial' | 'error' | 'skipped';
  readonly cells: number;
  readonly ms: number;
  readonly completeThroughMs: number | null;
}

export interface Operating {
  readiness(): Readiness | Promise<Readiness>;
  /** A JSON document; the shape of `GET /v1/status`. */
  status(): Promise<Readonly<Record<string, unknown>>>;
  flush(): Promise<FlushAnswer>;
}

/** Counts what became of events and requests; metrics.ts holds the library. */
export interface HttpMetrics {
  events(measure: 'impressions' | 'clicks', result: 'counted' | 'rejected', events: number): void;
  rejected(reason: string, events: number): void;
  unknownFields(fields: number): void;
  request(method: string, route: string, code: number, seconds: number): void;
  /** The scrape: content type and text. */
  scrape(): Promise<Readonly<{ contentType: string; text: string }>>;
}

/** A credential as configured: `name:secret`, or a bare secret named by its hash. */
export interface Keys {
  readonly write: readonly string[];
  readonly read: readonly string[];
  readonly admin: readonly string[];
}

export interface HttpOptions {
  readonly accepting: Accepting;
  readonly asking: Asking;
  readonly operating: Operating;
  readonly metrics: HttpMetrics;
  readonly keys: Keys;
  readonly defaultAcknowledgement: Acknowledgement;
  readonly corsOrigins: readonly string[];
  readonly nowMs: () => number;
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
  readonly version: string;
}
