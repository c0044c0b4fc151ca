// One scrape of several processes: each metric is put together as its definition says.
// Promises that a total never falls because a process ended: what it had counted stays. Gauges are
// those of the living.
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from 'prom-client';

/** What one process says of all its metrics, as it goes over a channel. */
export type MetricsPart = MetricObjectWithValues<MetricValue<string>>[];

/** prom-client leaves it out; alerts take it for a start without a flush yet: the youngest's. */
const startMetric = 'process_start_time_seconds';

/** What the primary itself says: of workers, not of counting. */
const primaryMetrics = new Set([
  'adcounter_workers',
  'adcounter_worker_crashes_total',
  'adcounter_worker_hangs_total',
  'adcounter_worker_starts_total',
]);

/** Parts of ended processes that are kept apart before they are made one. */
const endedPartsMax = 8;

export class MetricsTogether {
  #ended: MetricsPart[] = [];
  #joining = false;

  /** The last that was heard of a process that has ended: in each text from this moment on. */
  retire(part: MetricsPart): void {
    this.#ended.push(part.filter(({ type }) => ['counter', 'histogram'].includes(String(type))));
    if (this.#ended.length > endedPartsMax && !this.#joining) void this.#join();
  }

  /** As Prometheus scrapes it; of the parts as they are at this moment. */
  text(primary: MetricsPart, workers: readonly MetricsPart[]): Promise<string> {
    const own = primary.filter(({ name }) => primaryMetrics.has(name));
    return summed([...workers.map(withStart), own, ...this.#ended]).metrics();
  }

  async #join(): Promise<void> {
    this.#joining = true;
    try {
      const joined = [...this.#ended];
      const sum = await summed(joined).getMetricsAsJSON();
      // What came meanwhile stands behind them.
      this.#ended.splice(0, joined.length, sum);
    } finally {
      this.#joining = false;
    }
  }
}

function withStart(part: MetricsPart): MetricsPart {
  return part.map((metric) => {
    return metric.name === startMetric ? { ...metric, aggregator: 'max' } : metric;
  });
}

function summed(parts: readonly MetricsPart[]): ReturnType<typeof AggregatorRegistry.aggregate> {
  return AggregatorRegistry.aggregate([...parts]);
}
